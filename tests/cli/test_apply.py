"""The command apply, and the options of create and plan that lead to it."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.command import done, run
from tests.support.exposures import digest

MASKS = ["ACSWFC_60x80_1_staticMask.fits", "ACSWFC_60x80_2_staticMask.fits"]


@pytest.fixture
def names(folder: Path) -> list[str]:
    """Return the names of three exposures in the current folder, whose masks are made."""
    visit = simulate_visit(str(folder), exposures=3, shape=(60, 80))
    done("-q", *visit.paths)
    return [Path(path).name for path in visit.paths]


def test_to_takes_all_words_up_to_the_next_option(names: list[str]) -> None:
    for words in (
        [*MASKS, "--to", *names, "-o", "out"],
        [MASKS[0], "--to", *names[:2], f"--to={names[2]}", "-o", "out", MASKS[1]],
        ["-o", "out", "--to", "*flt.fits", "--", *MASKS],
        ["*_staticMask.fits", "--to", ",".join(names), "--output-dir", "out", "-q"],
    ):
        result = done("apply", *words)
        paths = [f"out/{name}" for name in names]
        assert result.stdout.split() == ([] if "-q" in words else paths)
        said = "Masks applied to copies of 3 exposures in out\n"
        assert result.stderr == ("" if "-q" in words else said)
    assert (fits.getdata(f"out/{names[0]}", ("DQ", 1)) & 4).any()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([*MASKS, "--to", "a_flt.fits"], "Missing option '-o'"),
        ([*MASKS, "-o", "out"], "Missing option '--to'"),
        ([*MASKS, "--to", "-o", "out"], "Option '--to' requires an argument"),
        (["--to", "a_flt.fits", "-o", "out"], "Missing argument 'MASK...'"),
        ([*MASKS, "--to", "*flt.fits", "-o", "out", "--dq-bit", "x=1"], "dq_bit = x=1: expected a"),
        ([*MASKS, "--to", "*flt.fits", "-o", "out", "--dq-bit", "65536"], "does not fit into"),
        ([*MASKS, "--to", "*flt.fits", "-o", "out", "--grow", "101"], "not in the range 0<=x<=100"),
    ],
)
@pytest.mark.usefixtures("names")
def test_wrong_usage_ends_with_code_2(words: list[str], message: str) -> None:
    result = run("apply", *words, code=2)
    assert message in result.stderr.replace("\n", " ")
    assert not Path("out").exists()


def test_what_cannot_be_done_ends_with_code_1(names: list[str]) -> None:
    result = run("apply", *MASKS, "--to", *names, "-o", ".", code=1)
    assert result.stderr == (
        f"Error: {names[0]}: lies in the output folder, ., and exposures are never changed; "
        "choose another folder for the copies\n"
    )
    assert "b_flt.fits: no such file" in run(
        "apply", *MASKS, "--to", *names, "b_flt.fits", "-o", "out", code=1).stderr


def test_an_interrupted_run_says_what_is_there(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("staticmask_cli.apply.apply.write_copies", interrupt)
    result = run("apply", *MASKS, "--to", *names, "-o", "out", code=130)
    assert result.stderr == "Interrupted: each copy is as it was, or new.\n"


def test_create_applies_its_masks_in_one_go(names: list[str]) -> None:
    done("apply", *MASKS, "--to", *names, "-o", "out")
    result = done("create", "*flt.fits", "-o", "masks", "--apply-to", "second")
    paths = [f"masks/{mask}" for mask in MASKS] + [f"second/{name}" for name in names]
    assert result.stdout.split() == paths
    for name in names:
        assert digest(Path("out", name)) == digest(Path("second", name))


def test_create_refuses_a_folder_for_copies_before_it_makes_a_mask(names: list[str]) -> None:
    result = run("create", *names, "-o", "masks", "--apply-to", ".", code=1)
    assert "lies in the output folder" in result.stderr
    assert not Path("masks").exists()
    result = run("create", *names, "-o", "masks", "--apply-to", "out", "--keep-going", code=2)
    assert "apply the masks to the others with staticmask apply" in result.stderr


def test_an_exposure_that_is_no_member_of_a_mask_has_no_copy(names: list[str]) -> None:
    with fits.open(names[0], mode="update") as hdus:
        hdus[0].header["DETECTOR"] = "HRC"
        hdus[0].header["EXPTIME"] = 0.0
    result = done("create", *names, "-o", "masks", "--apply-to", "second")
    assert result.stdout.split()[2:] == [f"second/{name}" for name in names[1:]]


def test_plan_prints_rules_for_copies(names: list[str]) -> None:
    rules = done("plan", "*flt.fits", "--make", "--apply", "out").stdout
    assert f"STATIC_COPIES += {' '.join(f'out/{name}' for name in names)}\n" in rules
    assert f"\t$(STATICMASK) apply -o out --to={names[0]} -- \\\n" in rules
    assert "--apply needs --make" in run("plan", *names, "--apply", "out", code=2).stderr
    assert "lies in the output folder" in run(
        "plan", *names, "--make", "--apply", ".", code=1).stderr


def test_verbose_says_how_many_pixels_each_chip_got(visit: Visit, folder: Path) -> None:
    masks = done(*visit.paths, "-o", folder / "masks").stdout.split()
    counts = [np.count_nonzero(fits.getdata(mask) == 0) for mask in masks]
    result = done("apply", *masks, "--to", visit.paths[0], "-o", "out", "-v")
    assert f"pixels flagged in each chip: {counts[0]}, {counts[1]}\n" in result.stderr
