"""One exposure in several files is refused, whatever their names are: it would vote twice."""

from collections.abc import Callable
from pathlib import Path

import pytest

from staticmask_cli import Parameters, create_masks
from staticmask_cli.errors import InputError, OutputError
from staticmask_cli.pipeline.plan import plan_masks
from tests.support.exposures import WriteExposure, sky

ONE = {"ROOTNAME": "jx01a", "EXPSTART": 61041.25}
TWICE = "the same exposure twice"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("OrIg_files").mkdir()


def plan(*paths: object) -> None:
    plan_masks(Parameters.load(None, {"input": [str(path) for path in paths]}))


@pytest.mark.parametrize(("names", "cards"), [
    (("jx01a_flt.fits", "OrIg_files/jx01a_flt.fits"), {}),
    (("jx01a_crj.fits", "jx01a_flt.fits"), {}),
    (("jx01a_flt.fits", "jx01a_raw.fits"), {}),
    (("jx01a_flt.fits", "mine.fits"), {"ROOTNAME": "JX01A   "}),
    (("a/jw01234001001_02101_00001_nrca1_cal.fits", "b/jw01234001001_02101_00001_nrca1_rate.fits"),
     {"ROOTNAME": None}),
])
def test_two_files_of_one_exposure_are_refused_with_both_names(
    write_exposure: WriteExposure, names: tuple[str, str], cards: dict[str, object]
) -> None:
    for name in names:
        Path(name).parent.mkdir(exist_ok=True)
        write_exposure(name, **(ONE | cards))
    other = write_exposure("other_flt.fits", **(ONE | {"ROOTNAME": "other"}))
    with pytest.raises(InputError) as caught:
        plan(*names, other)
    first, second = sorted(names)
    (line,) = str(caught.value).splitlines()  # one for both chips
    assert line.startswith(f"{first} and {second}: {TWICE} (j")
    assert line.endswith(", EXPSTART = 61041.25); leave one of them out")
    plan(names[0], other)


@pytest.mark.parametrize(("first", "second"), [
    ({}, {"EXPSTART": 61041.26}), ({}, {"ROOTNAME": "jx01b"}), ({}, {"EXPTIME": 0.0}),
    ({"EXPSTART": None}, {"EXPSTART": None}),
])
def test_other_exposures_are_not_taken_for_copies(
    write_exposure: WriteExposure, first: dict[str, object], second: dict[str, object]
) -> None:
    cards = {"a_flt.fits": first, "b_flt.fits": second}
    plan(*(write_exposure(name, **(ONE | more)) for name, more in cards.items()))


def test_the_files_of_the_chips_of_one_exposure_are_no_copies(
    write_exposure: WriteExposure,
) -> None:
    plan(*(write_exposure(f"chip{number}.fits", chips=[{"data": sky(), "EXTVER": number}], **ONE)
           for number in (1, 2)))


def test_the_image_sets_of_a_file_of_stis_are_exposures_of_their_own(
    write_exposure: WriteExposure,
) -> None:
    cards = ONE | {"instrume": "STIS", "detector": "CCD"}
    path = write_exposure("o1_flt.fits", chips=[{"data": sky()}, {"data": sky()}], **cards)
    plan(path)
    crj = write_exposure("o1_crj.fits", **cards)
    with pytest.raises(InputError, match=f"o1_crj.fits and .*o1_flt.fits: {TWICE}"):
        plan(path, crj)


@pytest.mark.parametrize("change", [Path.touch, Path.unlink], ids=["there", "gone"])
def test_a_copy_of_a_member_is_not_added_by_update(
    write_exposure: WriteExposure, change: Callable[[Path], None]
) -> None:
    first = write_exposure("jx01a_flt.fits", **ONE)
    create_masks(first, output_dir="out")
    copy = write_exposure("OrIg_files/jx01a_flt.fits", **ONE)
    other = write_exposure("jx01b_flt.fits", **(ONE | {"ROOTNAME": "jx01b"}))
    change(Path(first))
    twice = r"would count twice: .*OrIg_files/jx01a_flt.fits\[SCI,1\] is the member .*/jx01a_flt"
    with pytest.raises(OutputError, match=twice):
        create_masks([copy, other], output_dir="out", update=True)
    (mask,) = create_masks(other, output_dir="out", update=True)
    assert len(mask.used) == 2
