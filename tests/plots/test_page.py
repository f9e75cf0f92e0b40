"""Test a page through the matplotlib artists that are drawn on it."""

from collections.abc import Iterator
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.plots.cutouts import Cutouts
from staticmask_cli.plots.histograms import ExposureHistogram
from staticmask_cli.plots.page import Page, draw_page
from staticmask_cli.stats.histogram import sky_histogram
from tests.support.exposures import sky

Drawn = tuple[PartialMask, Figure]


@pytest.fixture(scope="module", autouse=True)
def untouched_style() -> Iterator[None]:
    """Draw texts as they are and not as formulas, as in a picture of a run."""
    with mpl.rc_context({"text.parse_math": False}):
        yield


def a_mask(exposures: int = 2) -> tuple[PartialMask, list[ExposureHistogram]]:
    """Return a mask with a bad column and two bad pixels, and the histograms of its exposures."""
    mask, histograms = PartialMask(Signature("ACSWFC", (60, 80), 1), MaskRule(5.0)), []
    for seed in range(exposures):
        data = sky(seed=seed)
        data[:, 7] = data[20, 30] = data[-1, -1] = 10.0
        member = mask.add(data, label=f"{seed}_flt.fits")
        found = sky_histogram(data, member.mode, member.rms, member.threshold)
        marked = np.concatenate((found.tail, np.zeros_like(found.body)))
        histograms.append(ExposureHistogram(f"{seed}_flt.fits", member.below, found, marked))
    return mask, histograms


def page(
    mask: PartialMask, histograms: list[ExposureHistogram], unit: str = "ELECTRONS",
    cutouts: Cutouts | None = None,
) -> Figure:
    figure = Figure(dpi=50)
    name, date = "ACSWFC_60x80_1", "2026-11-30T12:00:00"
    draw_page(figure, Page(mask, name, unit, date, histograms, cutouts))
    FigureCanvasAgg(figure).draw()  # what cannot be drawn raises or warns
    return figure


@pytest.fixture(scope="module")
def two() -> Drawn:
    """Return a mask of two exposures and its page, which are not changed."""
    mask, histograms = a_mask()
    return mask, page(mask, histograms)


def test_the_image_shows_row_1_at_the_bottom_and_counts_pixels_from_1(two: Drawn) -> None:
    mask, figure = two
    axes = figure.axes[0]
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array().filled(0) > 0, mask.bad)
    assert image.origin == "lower"
    assert image.get_extent() == [0.5, 80.5, 0.5, 60.5]
    assert (axes.get_xlim(), axes.get_ylim()) == ((0.5, 80.5), (0.5, 60.5))
    assert axes.get_ylabel() == "Y [pixel]"
    box = axes.get_window_extent()
    assert box.width / box.height == pytest.approx(80 / 60)
    assert image.cmap(0.0) == (1, 1, 1, 1)
    assert max(image.cmap(1.0)[:3]) == 0


def test_a_large_mask_is_reduced_to_blocks() -> None:
    mask = PartialMask(Signature("WFC3UVIS", (1500, 2300), 1), MaskRule(4.0))
    below = np.zeros((1500, 2300), bool)
    below[700, 1999] = True
    mask.below = below
    axes = page(mask, []).axes[0]
    (image,) = axes.images
    shown = image.get_array().filled(0)
    assert shown.shape == (300, 460)  # blocks of 5 x 5 on 560 pixels
    assert np.argwhere(shown).tolist() == [[140, 399]]
    assert image.get_extent() == [0.5, 2300.5, 0.5, 1500.5]


def test_bad_pixels_per_row_and_column_are_drawn_beside_the_image(two: Drawn) -> None:
    mask, figure = two
    image, columns, rows = figure.axes[:3]
    counts, edges, _ = columns.patches[0].get_data()
    assert edges.tolist() == [number + 0.5 for number in range(81)]
    assert counts.tolist() == np.count_nonzero(mask.bad, axis=0).tolist()
    assert columns.lines[0].get_xydata().tolist() == [[8, 60]]  # the only column with far more
    counts, edges, _ = rows.patches[0].get_data()
    assert edges.tolist() == [number + 0.5 for number in range(61)]
    assert counts.tolist() == np.count_nonzero(mask.bad, axis=1).tolist()
    assert rows.lines[0].get_xydata().size == 0
    assert columns.get_xlim() == image.get_xlim()
    assert rows.get_ylim() == image.get_ylim()
    assert columns.get_xlabel() == "X [pixel]"
    assert columns.get_ylabel() == "bad pixels\nper column"
    assert rows.get_xlabel() == "bad pixels\nper row"
    assert columns.get_position().x0 == image.get_position().x0
    assert rows.get_position().y0 == image.get_position().y0


def test_profiles_of_a_large_mask_are_means_of_several_lines() -> None:
    mask = PartialMask(Signature("WFC3UVIS", (300, 1500), 1), MaskRule(4.0))
    below = np.random.default_rng(1).random((300, 1500)) < 0.01
    below[:, 777] = True
    mask.below = below
    columns = page(mask, []).axes[1]
    counts, edges, _ = columns.patches[0].get_data()
    assert counts.size <= 140
    assert (counts * np.diff(edges)).sum() == pytest.approx(mask.nbad)
    assert columns.lines[0].get_xydata().tolist() == [[778, 300]]
    assert columns.get_xlabel().startswith("X [pixel]; mean of 11 columns")


def test_each_exposure_has_a_histogram_with_mode_threshold_and_filled_tail() -> None:
    mask, histograms = a_mask(3)
    axes = page(mask, histograms).axes[3]
    tails, outlines = axes.patches[::2], axes.patches[1::2]
    for (_, _, histogram, _), tail, outline in zip(histograms, tails, outlines, strict=True):
        assert tail.get_fill()
        filled = tail.get_data()
        assert filled.values[: histogram.tail.size].tolist() == histogram.tail.tolist()
        assert filled.edges[: histogram.tail.size].tolist() == histogram.tail_edges[:-1].tolist()
        assert not outline.get_fill()
        assert outline.get_data().values.tolist() == [*histogram.tail, *histogram.body]
        assert tail.get_data().values.sum() == 62  # a column and two pixels
    lines = [line.get_xdata()[0] for line in axes.lines]
    assert lines[::2] == [member.mode for member in mask.members]
    assert lines[1::2] == [member.threshold for member in mask.members]
    assert axes.get_yscale() == "log"
    assert axes.get_ylim()[0] < 1
    assert axes.get_xlabel().startswith("pixel value [ELECTRONS]")
    assert axes.get_ylabel() == "pixels per bin"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        *(f"{number}_flt.fits: 62 low" for number in range(3)), "mode", "threshold",
    ]
    assert len({str(outline.get_linestyle()) for outline in outlines}) == 3


def test_many_exposures_are_faint_and_counted_but_not_named() -> None:
    mask, histograms = a_mask(7)
    axes = page(mask, histograms[:6]).axes[3]
    assert len(axes.patches) == 12
    assert all(patch.get_alpha() < 0.7 for patch in axes.patches)
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        "6 of 7 exposures", "mode", "threshold",
    ]
    assert all(handle.get_alpha() == 1 for handle in legend.legend_handles)


def test_without_histograms_the_statistics_of_the_members_are_drawn() -> None:
    mask, _ = a_mask(3)
    axes = page(mask, []).axes[3]
    modes, thresholds = axes.lines[0], axes.lines[-1]
    assert modes.get_data()[1].tolist() == [member.mode for member in mask.members]
    assert thresholds.get_ydata().tolist() == [member.threshold for member in mask.members]
    assert thresholds.get_xdata().tolist() == [1, 2, 3]
    assert axes.get_xlabel() == "exposure, in the order of MEMBERS"
    assert axes.get_ylabel() == "pixel value [ELECTRONS]"


def test_the_title_has_the_name_the_members_the_rule_and_the_date_of_the_mask() -> None:
    mask, histograms = a_mask(1)
    texts = [text.get_text() for text in page(mask, histograms).texts]
    assert texts == [
        "Static mask ACSWFC_60x80_1", "1 exposure, 62 bad pixels (1.2917%), made 2026-11-30",
        "static_sig = 5, sky = global, agree = any, final_bits = None", "of 0_flt.fits", "",
    ]


def test_texts_stay_within_the_page_and_do_not_overlap() -> None:
    mask, histograms = a_mask(4)
    name = "x" * 200 + ".fits"
    named = [histogram._replace(name=name) for histogram in histograms]
    pixels = np.zeros((2, 12, 13, 13), np.float32)
    cutouts = Cutouts((name, name), np.full(12, 12344), np.full(12, 12344), pixels)
    mask.flagged, mask.included = np.zeros((60, 80), bool), np.zeros((60, 80), bool)
    mask.flagged[3], mask.included[:, 5] = True, True
    figure = page(mask, named, "counts per second and square arcsecond " * 3, cutouts)
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    edges = figure.bbox
    for box in boxes:
        assert edges.x0 <= box.x0 < box.x1 <= edges.x1
        assert edges.y0 <= box.y0 < box.y1 <= edges.y1
    image, columns, rows, exposures, defects = boxes
    assert exposures.y1 < min(columns.y0, rows.y0)
    assert defects.y1 < exposures.y0
    titles = [text.get_window_extent() for text in figure.texts]
    assert all(below.y1 < above.y0 for above, below in pairwise(titles))
    assert max(image.y1, rows.y1) < titles[-1].y0


def test_untrusted_names_and_units_are_drawn_as_plain_text() -> None:
    names = ["$_x_$", r"\frac{$", "na\nme\x07\udcff\u4e2d", ""]
    mask, histograms = a_mask(len(names))
    named = [found._replace(name=name) for found, name in zip(histograms, names, strict=True)]
    axes = page(mask, named, "$_x_$\n\udcff").axes[3]
    legend = [text.get_text() for text in axes.get_legend().get_texts()[: len(names)]]
    for text in (*legend, axes.get_xlabel()):
        assert text.isascii()
        assert text.isprintable()
    assert all(text.endswith(": 62 low") for text in legend)


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (900, 2)])
def test_a_mask_of_any_shape_has_a_page(shape: tuple[int, int]) -> None:
    mask = PartialMask(Signature("CAM", shape, 1), MaskRule(4.0))
    mask.below = np.ones(shape, bool)
    figure = page(mask, [])
    assert len(figure.axes) == 3
    assert (np.asarray(figure.axes[0].images[0].get_array()) == 1).all()
    assert max(figure.get_size_inches()) < 12
