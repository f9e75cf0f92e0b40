"""Test which defects are cut out, and what the cut-outs show."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.masks.signature import Signature
from staticmask_cli.plots import cutouts, files
from staticmask_cli.plots.cutouts import Cutouts, draw_cutouts, read_cutouts
from staticmask_cli.plots.page import Page
from tests.support.exposures import WriteExposure, sky


@pytest.fixture
def page(write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch) -> Page:
    """Return the page of a mask with a bad column, a block at an edge, and a few deep pixels."""
    pages: list[Page] = []
    monkeypatch.setattr(files, "draw_page", lambda _, page: pages.append(page))
    paths = []
    for seed, name in enumerate(("a", "b", "c")):
        data = sky((60, 90), seed=seed)
        data[:, 40] -= 200.0
        data[0:3, 0:2] -= 300.0
        data[30, 70], data[33, 72] = -900.0, -500.0  # 200 and 120 times the noise
        paths.append(write_exposure(f"{name}_flt.fits", chips=[{"data": data}]))
    create_masks(paths, plot="m.png")
    return pages[0]


@pytest.mark.usefixtures("folder")
def test_each_defect_is_cut_out_once_the_deepest_first(page: Page) -> None:
    found = page.cutouts
    assert found is not None
    positions = list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    assert positions[0] == (30, 70)  # (33, 72) is in its cut-out
    assert positions[1][0] < 3
    assert positions[1][1] < 2
    assert positions[2][1] == 40
    assert found.names == ("a_flt.fits", "c_flt.fits")
    assert found.pixels[:, 0, 6, 6] == pytest.approx([-200, -200], rel=0.15)
    assert found.pixels[:, 0, 9, 8] == pytest.approx([-120, -120], rel=0.15)
    assert np.isnan(found.pixels[0, 1]).any(axis=1).sum() >= 4  # beyond the edge of the chip


def test_a_mask_without_bad_pixels_or_without_chips_has_no_cutouts() -> None:
    mask = StaticMask(Signature("ACSWFC", (60, 80), 1), static_sig=20)
    mask.add(sky(), label="a")
    assert mask.nbad == 0
    assert read_cutouts([(mask, ())], jobs=1, executor=None) == {}


def test_many_bad_pixels_are_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sky((60, 90))
    rows, columns = np.nonzero(np.ones_like(data))
    data[41, 17], data[20, 80] = -500.0, -400.0
    candidates = cutouts._Candidates(rows, columns, np.zeros(rows.size, np.bool_))  # noqa: SLF001
    monkeypatch.setattr(cutouts, "_CHUNK", 700)
    deepest = cutouts._deepest(data, candidates, 10.0)  # noqa: SLF001
    assert deepest.rows.size == 12
    assert (deepest.rows[:2].tolist(), deepest.columns[:2].tolist()) == ([41, 20], [17, 80])


@pytest.mark.parametrize(("exposures", "number"), [(1, 1), (2, 12)])
def test_defects_are_drawn_with_the_first_exposure_above_the_last(
    exposures: int, number: int
) -> None:
    pixels = np.zeros((exposures, number, 13, 13), np.float32)
    pixels[:, :, 6, 6] = -20.0
    pixels[0, 0, 12, 0] = np.finfo(np.float32).max
    figure = Figure(dpi=50)
    axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    names = ("a$_flt.fits", "b\n_flt.fits")[:exposures]
    draw_cutouts(axes, Cutouts(names, np.arange(number), np.arange(number) + 7, pixels))
    FigureCanvasAgg(figure).draw()
    shown = np.ma.filled(axes.images[0].get_array(), np.nan)
    top = shown.shape[0] - 13
    assert shown[top + 6, 6] == -10
    assert shown[top + 12, 0] == 10
    assert np.count_nonzero(shown == -10) == exposures * number
    texts = [text.get_text() for text in axes.texts]
    assert "8, 1" in texts
    assert all(text.replace("\nblack", "").isprintable() for text in texts)
