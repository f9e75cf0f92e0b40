"""Compare the clusters of bad pixels with those of a search from pixel to pixel."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from staticmask_cli.masks.clusters import clusters_of

Cluster = tuple[int, tuple[int, int], tuple[int, int]]


def found(bad: npt.NDArray[np.bool_]) -> list[Cluster]:
    """Return the clusters as size, first and last row, first and last column."""
    clusters = clusters_of(bad)
    return [
        (int(size), (int(rows[0]), int(rows[1])), (int(columns[0]), int(columns[1])))
        for size, rows, columns in zip(
            clusters.pixels, clusters.rows, clusters.columns, strict=True
        )
    ]


def searched(bad: npt.NDArray[np.bool_]) -> list[Cluster]:
    """Find the clusters by a search from each bad pixel to its neighbours."""
    remaining = {(int(row), int(column)) for row, column in np.argwhere(bad)}
    clusters = []
    while remaining:
        reached, border = set(), {remaining.pop()}
        while border:
            row, column = border.pop()
            reached.add((row, column))
            block = {(row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)}
            border |= block & remaining
            remaining -= block
        rows, columns = zip(*reached, strict=True)
        clusters.append((len(reached), (min(rows), max(rows)), (min(columns), max(columns))))
    return clusters


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 13))))
def test_clusters_are_those_of_the_search(bad: npt.NDArray[np.bool_]) -> None:
    before = bad.copy()
    assert sorted(found(bad)) == sorted(searched(bad))
    np.testing.assert_array_equal(bad, before)


@pytest.mark.parametrize("density", [0.02, 0.4, 0.9])
def test_clusters_of_a_large_mask_are_those_of_the_search(density: float) -> None:
    bad = np.random.default_rng(7).random((90, 130)) < density
    clusters = found(bad)
    assert sorted(clusters) == sorted(searched(bad))
    assert [size for size, *_ in clusters] == sorted((c[0] for c in clusters), reverse=True)


def test_a_spiral_is_one_cluster() -> None:
    bad = np.zeros((7, 9), np.bool_)
    bad[0, :] = bad[:, 8] = bad[6, 2:] = bad[2:, 2] = bad[2, 2:7] = True
    assert found(bad) == [(int(bad.sum()), (0, 6), (0, 8))]


def test_pixels_touch_at_a_corner_but_not_across_the_edge() -> None:
    bad = np.zeros((5, 6), np.bool_)
    bad[3, 2] = bad[4, 3] = True
    bad[0, 5] = bad[1, 0] = True  # the end of a row and the start of the next
    assert found(bad) == [(2, (3, 4), (2, 3)), (1, (0, 0), (5, 5)), (1, (1, 1), (0, 0))]


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (3, 5)])
def test_without_a_bad_pixel_there_is_no_cluster(shape: tuple[int, int]) -> None:
    assert found(np.zeros(shape, np.bool_)) == []
