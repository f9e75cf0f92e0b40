"""The history of bad pixels: which appear, disappear and come back, from mask to mask."""

import csv
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from staticmask_cli.errors import InputError
from staticmask_cli.masks.members import ChipLabel, Member
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.reports.history import History, history_of
from staticmask_cli.terminal import history as terminal_history
from tests.support.command import done, run
from tests.support.documents import cells, checked
from tests.support.masks import write_mask_of_drizzlepac

Bits = npt.NDArray[np.bool_]
NAN = float("nan")


def write(path: Path, bad: Bits, *dates: float, number: int = 1, ltv1: float = 0.0,
          static_sig: float = 4.0) -> str:
    """Write a mask of these bad pixels, with an exposure at each date."""
    mask = StaticMask(Signature("ACSWFC", (bad.shape[0], bad.shape[1]), number),
                      static_sig=static_sig, facts={"LTV1": ltv1})
    mask.below = bad
    for exposure, date in enumerate(dates):
        label = ChipLabel(f"{path.stem}_{exposure}.fits", expstart=date)
        mask.members.append(Member(label, bad.size, 100.0, 5.0, 100.0, 80.0))
    mask.write(path)
    return str(path)


def with_bad(*columns: int) -> Bits:
    """Return a mask of one row of ten pixels, of which these are bad."""
    bad = np.zeros((1, 10), np.bool_)
    bad[0, list(columns)] = True
    return bad


def changes(history: History) -> list[tuple[int | None, ...]]:
    """Return the numbers of the only trend."""
    (trend,) = history.trends
    return [(mask.bad, mask.new, mask.gone, mask.returned) for mask in trend.masks]


@pytest.fixture
def months(tmp_path: Path) -> list[str]:
    """Return masks of four months, whose names are not in the order of their dates."""
    pixels = {"d": (1, 2, 3), "b": (1, 4), "c": (1, 2), "a": (1, 2, 5)}
    dates = (59000.0 + 30 * month for month in range(4))
    return [write(tmp_path / f"{name}.fits", with_bad(*bad), date, date + 1)
            for date, (name, bad) in zip(dates, pixels.items(), strict=True)]


def test_pixels_appear_disappear_and_come_back(months: list[str]) -> None:
    history = history_of(sorted(months))
    assert changes(history) == [
        (3, None, None, None), (2, 1, 2, 0), (2, 0, 1, 1), (3, 1, 0, 0)]
    (trend,) = history.trends
    assert [mask.date for mask in trend.masks] == [
        "2020-05-31T12:00:00", "2020-06-30T12:00:00", "2020-07-30T12:00:00", "2020-08-29T12:00:00"]
    assert (trend.ever, trend.always, trend.returned) == (5, 1, 1)
    (pixel,) = trend.restless
    assert (pixel.column, pixel.row, pixel.masks, pixel.returned) == (3, 1, 3, 1)
    assert (pixel.first, pixel.last) == (trend.masks[0].date, trend.masks[3].date)


@settings(max_examples=12)
@given(masks=npst.arrays(np.bool_, st.tuples(
    st.integers(1, 6), st.integers(1, 4), st.integers(1, 5))))
def test_the_numbers_are_those_of_sets(
    masks: npt.NDArray[np.bool_], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    paths = [write(folder / f"{n}.fits", bad, 59000.0 + n) for n, bad in enumerate(masks)]
    history = history_of(reversed(paths))
    sets = [set(np.flatnonzero(bad).tolist()) for bad in masks]
    for n, found in enumerate(changes(history)[1:], 1):
        ever = set().union(*sets[:n])
        assert found == (len(sets[n]), len(sets[n] - ever), len(sets[n - 1] - sets[n]),
                         len((sets[n] & ever) - sets[n - 1]))
    (trend,) = history.trends
    assert trend.ever == len(set().union(*sets))
    assert trend.always == len(set.intersection(*sets))
    assert trend.returned == len(trend.restless)
    assert sum(pixel.returned for pixel in trend.restless) == sum(
        mask.returned or 0 for mask in trend.masks)


def test_other_chips_shapes_and_positions_have_histories_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / "a.fits", with_bad(1), 59000.0)
    write(tmp_path / "b.fits", with_bad(1, 2), 59030.0)
    write(tmp_path / "number.fits", with_bad(1), 59000.0, number=2)
    write(tmp_path / "shape.fits", np.ones((2, 5), np.bool_), 59000.0)
    write(tmp_path / "position.fits", with_bad(1), 59000.0, ltv1=-100.0)
    trends = history_of(map(str, tmp_path.glob("*.fits"))).trends
    assert sorted([Path(mask.path).stem for mask in trend.masks] for trend in trends) == [
        ["a", "b"], ["number"], ["position"], ["shape"]]


def test_masks_of_one_date_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{name}.fits", with_bad(column), 59000.0)
             for column, name in enumerate("cab")]
    (trend,) = history_of(paths).trends
    assert [Path(mask.path).stem for mask in trend.masks] == ["a", "b", "c"]
    assert changes(history_of(paths))[1:] == [(1, 1, 1, 0)] * 2


@pytest.mark.parametrize("dates", [(), (NAN,), (0.0,), (-1e300,), (1e300, NAN), (float("inf"),)])
def test_masks_without_a_date_that_makes_sense_are_named(
    dates: Sequence[float], tmp_path: Path, months: list[str]
) -> None:
    undated = write(tmp_path / "undated.fits", with_bad(9), *dates)
    theirs = write_mask_of_drizzlepac(tmp_path / "theirs.fits", with_bad(9))
    history = history_of([undated, *months, theirs])
    assert history.undated == (undated, theirs)
    assert len(changes(history)) == 4
    shown = " ".join(done("inspect", "--history", undated, *months, theirs).stdout.split())
    assert f"Without a date, and hence left out: {undated}, {theirs}." in shown


def test_all_files_that_are_no_masks_are_named(months: list[str], tmp_path: Path) -> None:
    (tmp_path / "x.fits").write_text("no mask")
    with pytest.raises(InputError, match=r"(?s)x\.fits.*y\.fits"):
        history_of([*months, str(tmp_path / "x.fits"), str(tmp_path / "y.fits")])


def test_the_pixels_of_one_mask_at_a_time_are_in_memory(tmp_path: Path) -> None:
    shape = (300, 400)
    paths = [write(tmp_path / f"{n}.fits", np.arange(120_000).reshape(shape) % 97 == n, 59000.0 + n)
             for n in range(20)]
    history_of(paths[:2])
    tracemalloc.start()
    history_of(paths)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 18 * 120_000  # bytes for each pixel


def test_the_command_shows_a_table_and_draws_it(months: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "look" / "trend.png"
    shown = done("inspect", "--history", *months, "--plot", picture).stdout
    rows = cells(shown)
    assert ["2020-06-30", months[1], "2", "2", "1", "2", "0"] in rows
    assert ["2020-05-31", months[0], "2", "3", "-", "-", "-"] in rows
    assert ["3", "1", "1", "3", "2020-05-31", "2020-08-29"] in rows
    assert "5 pixels are bad in any of these masks, 1 in all of them; 1 became bad again" in shown
    assert "different rules" not in shown
    assert picture.read_bytes().startswith(b"\x89PNG")
    other = write(tmp_path / "other.fits", with_bad(1), 59200.0, static_sig=5.0)
    assert "different rules" in done("inspect", "--history", *months, other).stdout


def test_of_many_masks_the_last_are_shown(
    months: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_history, "MOST_STEPS", 2)
    shown = done("inspect", "--history", *months).stdout
    assert "and 2 earlier (-v shows all)" in shown
    assert [name in shown for name in months] == [False, False, True, True]
    assert all(name in done("inspect", "--history", "-v", *months).stdout for name in months)


def test_the_history_as_data(months: list[str], tmp_path: Path) -> None:
    names = [tmp_path / f"h.{suffix}" for suffix in ("json", "ecsv", "csv")]
    for file in names:
        text = done("inspect", "--history", *months, "--json", "--report", file).stdout
        document = checked("history", text)
    assert names[0].read_text("utf-8") == text
    table = Table.read(names[1])
    with names[2].open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    masks = document["trends"][0]["masks"]
    for name in ("path", "date", "bad", "returned"):
        expected = [mask[name] for mask in masks]
        assert list(table[name][1:]) == expected[1:]
        assert [row[name] for row in rows] == ["" if x is None else str(x) for x in expected]
    assert table["new"].mask.tolist() == [True, False, False, False]


def test_what_cannot_be_drawn_or_combined_is_refused(tmp_path: Path) -> None:
    undated = write(tmp_path / "undated.fits", with_bad(9))
    result = run("inspect", "--history", undated, "--plot", tmp_path / "x.pdf", code=1)
    assert "no mask has a date" in result.stderr
    assert "leave out --brief" in run("inspect", "--history", "--check", undated, code=2).stderr
    assert "leave out --no-brief" in run(
        "inspect", "--no-brief", "--sort", "bad", undated, code=2).stderr
    assert "ends with .json" in run(
        "inspect", "--history", undated, "--report", "x.txt", code=2).stderr
