"""Clusters of bad pixels, against a search that visits one pixel after the other."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from staticmask_cli.reports.clusters import clusters_of

Cluster = tuple[int, tuple[int, int], tuple[int, int]]


def found(bad: npt.NDArray[np.bool_]) -> list[Cluster]:
    """Clusters as size, first and last row, first and last column."""
    clusters = clusters_of(bad)
    return [
        (int(size), (int(rows[0]), int(rows[1])), (int(columns[0]), int(columns[1])))
        for size, rows, columns in zip(
            clusters.pixels, clusters.rows, clusters.columns, strict=True
        )
    ]


def searched(bad: npt.NDArray[np.bool_]) -> list[Cluster]:
    """Clusters by walking from each bad pixel to its neighbours."""
    left = {(int(row), int(column)) for row, column in np.argwhere(bad)}
    clusters = []
    while left:
        reached, border = set(), {left.pop()}
        while border:
            row, column = border.pop()
            reached.add((row, column))
            beside = {(row + dy, column + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= beside
            border |= beside
        rows, columns = zip(*reached, strict=True)
        clusters.append((len(reached), (min(rows), max(rows)), (min(columns), max(columns))))
    return sorted(clusters, key=lambda one: (-one[0], one[1][0], one[2][0]))


def key(cluster: Cluster) -> tuple[object, ...]:
    return (-cluster[0], cluster[1], cluster[2])


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 13))))
def test_clusters_are_those_of_a_walk(bad: npt.NDArray[np.bool_]) -> None:
    before = bad.copy()
    assert sorted(found(bad), key=key) == sorted(searched(bad), key=key)
    np.testing.assert_array_equal(bad, before)


@pytest.mark.parametrize("density", [0.02, 0.4, 0.9])
def test_clusters_of_a_large_mask_are_those_of_a_walk(density: float) -> None:
    bad = np.random.default_rng(7).random((90, 130)) < density
    clusters = found(bad)
    assert sorted(clusters, key=key) == sorted(searched(bad), key=key)
    assert [size for size, *_ in clusters] == sorted((c[0] for c in clusters), reverse=True)


def test_a_spiral_is_one_cluster() -> None:
    bad = np.zeros((7, 9), np.bool_)
    bad[0, :] = bad[:, 8] = bad[6, 2:] = bad[2:, 2] = bad[2, 2:7] = True
    assert found(bad) == [(int(bad.sum()), (0, 6), (0, 8))]


def test_pixels_touch_at_a_corner_but_not_around_the_edge() -> None:
    bad = np.zeros((5, 6), np.bool_)
    bad[3, 2] = bad[4, 3] = True
    bad[0, 5] = bad[1, 0] = True  # the end of a row and the start of the next
    assert found(bad) == [(2, (3, 4), (2, 3)), (1, (0, 0), (5, 5)), (1, (1, 1), (0, 0))]


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (3, 5)])
def test_without_a_bad_pixel_there_is_no_cluster(shape: tuple[int, int]) -> None:
    assert found(np.zeros(shape, np.bool_)) == []
