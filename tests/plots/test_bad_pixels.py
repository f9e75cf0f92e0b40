"""Bad pixels are drawn in blocks that stay visible, in the colour of their causes."""

import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from staticmask_cli import StaticMask
from staticmask_cli.errors import ConfigError
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.plots.bad_pixels import draw_bad_pixels, reduced


@given(bad=arrays.arrays(bool, st.tuples(st.integers(1, 30), st.integers(1, 30))),
       factor=st.integers(1, 9))
def test_a_block_is_dark_only_if_it_has_a_bad_pixel(
    bad: npt.NDArray[np.bool_], factor: int
) -> None:
    darkness = reduced(bad, factor)
    for row in range(darkness.shape[0]):
        for column in range(darkness.shape[1]):
            block = bad[row * factor:(row + 1) * factor, column * factor:(column + 1) * factor]
            if not block.any():
                assert darkness[row, column] == 0
            elif block.all():
                assert darkness[row, column] == 1
            else:
                assert 0.5 < darkness[row, column] < 1
    assert darkness.shape == (-(-bad.shape[0] // factor), -(-bad.shape[1] // factor))


def test_a_bad_column_is_darker_than_a_single_pixel_and_paler_than_a_bad_block() -> None:
    bad = np.zeros((16, 24), bool)
    bad[2, 3] = bad[:, 12] = True
    bad[8:, 16:] = True
    darkness = reduced(bad, 8)
    assert 0.5 < darkness[0, 0] < darkness[0, 1] < darkness[1, 2] == 1


def drawn(mask: PartialMask) -> Figure:
    figure = Figure()
    draw_bad_pixels(figure.subplots(), mask, 1)
    return figure


def a_mask() -> PartialMask:
    mask = PartialMask(Signature("ACSWFC", (6, 8), 1), MaskRule(4.0, final_bits="0"))
    below = np.zeros((6, 8), bool)
    below[1, 2] = True
    mask.below = below
    return mask


def test_a_mask_of_one_cause_is_black_and_has_no_legend() -> None:
    axes = drawn(a_mask()).axes[0]
    (image,) = axes.images
    assert to_hex(image.cmap(1.0)) == "#000000"
    assert axes.get_legend() is None


def test_causes_differ_in_colour_and_darkness_and_are_named() -> None:
    mask = a_mask()
    mask.flagged, mask.included = np.zeros((6, 8), bool), np.zeros((6, 8), bool)
    mask.flagged[3, 4] = mask.flagged[1, 2] = mask.included[5, 7] = True
    axes = drawn(mask).axes[0]
    shown = [np.argwhere(image.get_array().filled(0) > 0).tolist() for image in axes.images]
    assert shown == [[[1, 2]], [[3, 4]], [[5, 7]]]  # low and flagged: it is low
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "low: 1", "DQ: 1", "included: 1"]
    marked = [(line.get_marker(), line.get_xydata().tolist()) for line in axes.lines]
    assert [positions for _, positions in marked] == [[[3, 2]], [[5, 4]], [[8, 6]]]
    assert len({marker for marker, _ in marked}) == 3
    brightness = [float(np.dot(image.cmap(1.0)[:3], (0.299, 0.587, 0.114)))
                  for image in axes.images]
    assert brightness == sorted(brightness)
    assert brightness[0] + 0.4 < brightness[1]


def test_markers_stand_on_some_of_many_pixels_of_their_cause_and_on_all_of_few() -> None:
    mask = PartialMask(Signature("ACSWFC", (300, 700), 1), MaskRule(4.0, final_bits="0"))
    below, mask.flagged = np.zeros((300, 700), bool), np.zeros((300, 700), bool)
    below[::60, ::50] = True
    mask.below = below
    mask.flagged[100:, 20:] = True
    low, flagged = (line.get_xydata() - 1 for line in drawn(mask).axes[0].lines)
    assert sorted((int(y), int(x)) for x, y in low) == [tuple(p) for p in np.argwhere(below)]
    assert 50 < len(flagged) <= 150
    assert all(mask.flagged[int(y), int(x)] and not below[int(y), int(x)] for x, y in flagged)


def test_a_mask_without_bad_pixels_can_be_drawn() -> None:
    mask = a_mask()
    mask.below = np.zeros((6, 8), bool)
    (image,) = drawn(mask).axes[0].images
    assert image.get_array().count() == 0


def test_a_mask_is_plotted_on_given_axes_or_on_a_new_figure() -> None:
    plt.switch_backend("agg")
    mask = StaticMask(Signature("ACSWFC", (300, 2000), 1))
    data = np.random.default_rng(1).normal(100.0, 5.0, (300, 2000))
    data[:, 1500] = 0.0
    mask.add(data, label="a")
    figure = Figure(figsize=(4, 3))
    axes = figure.subplots()
    assert mask.plot(axes) is axes
    assert plt.get_fignums() == []
    (image,) = axes.images
    darkness = np.asarray(image.get_array())
    assert darkness.shape[1] < 400  # as many as the axes have pixels
    factor = -(-2000 // darkness.shape[1])
    assert (darkness[:, 1500 // factor] > 0).all()
    assert axes.get_title() == f"ACSWFC 1: {mask.nbad} bad pixels"
    assert (axes.get_xlabel(), axes.get_aspect()) == ("X [pixel]", 1.0)
    assert mask.plot().figure is plt.gcf()
    plt.close("all")


def test_a_plot_without_matplotlib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"pip install 'staticmask\[plot\]'"):
        StaticMask(Signature("ACSWFC", (3, 4), 1)).plot()
