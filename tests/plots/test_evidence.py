"""Test the panels of the joint evidence through the matplotlib artists that are drawn."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.plots.evidence import draw_depth
from staticmask_cli.plots.page import Page, draw_page
from tests.support.joint import joint_mask, known_depths


@pytest.fixture(scope="module")
def mask() -> StaticMask:
    return joint_mask(known_depths())


def figure_of(mask: StaticMask) -> Figure:
    figure = Figure(dpi=50)
    draw_page(figure, Page(mask, "ACSWFC_120x170_1"))
    FigureCanvasAgg(figure).draw()  # what cannot be drawn raises or warns
    return figure


@pytest.fixture(scope="module")
def page(mask: StaticMask) -> Figure:
    """Return the page of the mask, which is not changed."""
    return figure_of(mask)


def panels(figure: Figure) -> tuple[Axes, Axes]:
    """Return the map of the depth and the histogram of the significance."""
    (depth,) = [axes for axes in figure.axes if "depth" in axes.get_title(loc="left")]
    (significance,) = [axes for axes in figure.axes if "significance" in axes.get_xlabel()]
    return depth, significance


def test_the_map_shows_the_depth_with_deep_pixels_dark(
    mask: StaticMask, page: Figure
) -> None:
    depth, _ = panels(page)
    (image,) = depth.images
    assert mask.evidence is not None
    np.testing.assert_array_equal(image.get_array(), mask.evidence.depth)
    assert image.origin == "lower"
    assert image.get_extent() == [0.5, 170.5, 0.5, 120.5]
    assert sum(image.cmap(image.norm(9.0))[:3]) < sum(image.cmap(image.norm(0.5))[:3])


def test_a_block_has_the_depth_of_its_deepest_pixel_and_unknown_pixels_do_not_count() -> None:
    depth = np.zeros((7, 11), np.float32)
    depth[5, 4] = 2.5
    depth[4, 4] = np.nan
    depth[:3, 6:9] = np.nan
    axes, scale = Figure().subplots(1, 2)
    draw_depth(axes, scale, depth, 3)
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    expected = np.zeros((3, 4))
    expected[1, 1] = 2.5
    expected[0, 2] = np.nan
    np.testing.assert_array_equal(shown, expected)
    assert axes.get_title(loc="left") == "mean depth of the deepest of 3 x 3 pixels"


def test_the_histogram_counts_all_pixels_and_fills_those_beyond_the_threshold(
    mask: StaticMask, page: Figure
) -> None:
    _, axes = panels(page)
    tail, outline = axes.patches
    counts, edges, _ = outline.get_data()
    assert mask.evidence is not None
    significance = mask.evidence.significance
    assert counts.sum() == significance.size
    assert tail.get_fill()
    assert tail.get_data().edges[0] == 5.0
    assert tail.get_data().values.sum() == np.count_nonzero(significance > 5.0) == 8
    inner = slice(1, -1)
    np.testing.assert_array_equal(
        counts[inner], np.histogram(significance.astype(float), edges)[0][inner])


def test_the_normal_curve_has_the_number_and_the_width_of_the_noise(page: Figure) -> None:
    _, axes = panels(page)
    curve, threshold = axes.lines
    counts, edges, _ = axes.patches[1].get_data()
    x, y = curve.get_data()
    expected = np.interp((edges[:-1] + edges[1:]) / 2, x, y)
    well_known = expected > 200
    np.testing.assert_allclose(counts[well_known], expected[well_known], rtol=0.25)
    assert y.sum() * (x[1] - x[0]) / (edges[1] - edges[0]) == pytest.approx(170 * 120, rel=0.01)
    assert threshold.get_xdata()[0] == 5.0
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "9 exposures together", "Gaussian noise", "threshold: 8 low",
    ]


def test_the_panels_do_not_overlap_and_stay_within_the_page(page: Figure) -> None:
    image, columns, _, exposures, depth, _, significance = (
        axes.get_tightbbox() for axes in page.axes
    )
    tops = [image, columns, exposures, depth, significance]
    for above, below in pairwise(tops):
        assert above is not None
        assert below is not None
        assert below.y1 < above.y0
    for box in (axes.get_tightbbox() for axes in page.axes):
        assert box is not None
        assert page.bbox.x0 <= box.x0 < box.x1 <= page.bbox.x1
        assert page.bbox.y0 <= box.y0 < box.y1 <= page.bbox.y1


@pytest.mark.parametrize("shape", [(1, 3000), (900, 2)])
def test_evidence_of_which_nothing_is_known_has_panels_too(shape: tuple[int, int]) -> None:
    figure = figure_of(joint_mask(np.zeros(shape), exposures=0))
    depth, significance = panels(figure)
    assert np.ma.getmaskarray(depth.images[0].get_array()).all()
    assert significance.patches[1].get_data().values.sum() == 0


def test_noise_is_white_however_many_pixels_a_block_has() -> None:
    depth = np.random.default_rng(3).normal(0.0, 0.4, (80, 120)).astype(np.float32)
    depth[40, 60] = 2.9
    axes, scale = Figure().subplots(1, 2)
    draw_depth(axes, scale, depth, 8)
    (image,) = axes.images
    darkness = np.clip(np.ma.filled(image.norm(image.get_array())), 0, 1)
    assert np.median(darkness) == pytest.approx(0.0, abs=0.01)
    assert darkness[5, 7] > 0.9
    assert np.count_nonzero(darkness > 0.4) == 1
