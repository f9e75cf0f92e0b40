"""Names of masks: exposures of different names go into different masks, as in runs of their own."""

import contextlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.errors import ConfigError, ExposureError, OutputError
from tests.support.command import done, run
from tests.support.exposures import sky, writer_into

NAME = "{signature}_{position}_{filter}"
PARTS = {("F606W", 0.0): "ae", ("F814W", 0.0): "bf", ("F606W", -50.0): "cg", ("F814W", -50.0): "dh"}
NAMES = {
    f"ACSWFC_60x80_{number}_x{1 - ltv1:g}_{name}_staticMask.fits": letters
    for number in (1, 2) for (name, ltv1), letters in PARTS.items()
}


@pytest.fixture(scope="module")
def eight_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two exposures of two chips for each of two filters and two positions; the folder."""
    folder = tmp_path_factory.mktemp("eight")
    for number, ((name, ltv1), letters) in enumerate(PARTS.items()):
        for letter in letters:
            writer_into(folder)(f"{letter}_flt.fits", FILTER1=name, FILTER2="CLEAR2L", chips=[
                {"data": sky(seed=10 * number + 7 * chip + ord(letter)), "LTV1": ltv1,
                 "dq": np.zeros((60, 80), np.int16)} for chip in (1, 2)
            ])
    return folder


@pytest.fixture
def eight(eight_in: Path, folder: Path) -> list[str]:
    """Return the names of copies of the eight exposures."""
    shutil.copytree(eight_in, folder, dirs_exist_ok=True)
    return sorted(path.name for path in folder.iterdir())


def contents(folder: str | Path) -> dict[str, tuple[bytes, list[str]]]:
    """Return the pixels and the files of the members of each mask."""
    masks = {path.name: StaticMask.read(str(path)) for path in Path(folder).glob("*Mask.fits")}
    return {name: (mask.array.tobytes(), [member.label.file for member in mask.members])
            for name, mask in masks.items()}


@pytest.fixture(scope="module")
def expected(
    eight_in: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[bytes, list[str]]]:
    """Return the masks of a run for each filter and position."""
    found = {}
    alone = tmp_path_factory.mktemp("alone")
    for letters in PARTS.values():
        with contextlib.chdir(eight_in):
            files = [f"{letter}_flt.fits" for letter in letters]
            masks = create_masks(files, static_sig=2, output_dir=alone, overwrite=True)
        for mask in masks:
            (name,) = [name for name, those in NAMES.items()
                       if those == letters and f"_60x80_{mask.signature.number}_" in name]
            found[name] = contents(alone)[mask.name]
    assert len({pixels for pixels, _ in found.values()}) == 8
    return found


@pytest.mark.parametrize("where", ["threads", "executor"])
def test_one_run_makes_the_masks_of_several(
    where: str, eight: list[str], expected: dict[str, tuple[bytes, list[str]]]
) -> None:
    with ThreadPoolExecutor(2) as pool:
        masks = create_masks(eight, static_sig=2, name=NAME, output_dir="out", jobs=2,
                             executor=pool if where == "executor" else None)
    assert [mask.name for mask in masks] == sorted(NAMES)
    assert contents("out") == expected


@pytest.mark.parametrize("checkpoint", [None, 1, 3])
def test_an_update_adds_each_exposure_to_the_mask_of_its_name(
    checkpoint: int | None, eight: list[str], expected: dict[str, tuple[bytes, list[str]]]
) -> None:
    arguments: dict[str, Any] = {"static_sig": 2, "name": NAME, "output_dir": "out"}
    create_masks(eight[:4], **arguments)
    create_masks(eight, **arguments, update=True, checkpoint=checkpoint)
    assert contents("out") == expected
    planned = done("plan", *eight, "--static-sig", "2", "--name", NAME, "-o", "out")
    assert "8 up to date, which would be rewritten" in planned.stdout


def test_an_exposure_that_cannot_be_read_is_left_out_of_its_mask_alone(
    eight: list[str], expected: dict[str, tuple[bytes, list[str]]]
) -> None:
    def damage(now: int, _total: int) -> None:
        if not now:
            Path(eight[0]).write_bytes(Path(eight[0]).read_bytes()[:6000])

    masks = create_masks(eight, static_sig=2, name=NAME, output_dir="out", keep_going=True,
                         progress=damage)
    assert set(masks.left_out) == {f"{eight[0]}[SCI,1]", f"{eight[0]}[SCI,2]"}
    found = contents("out")
    differ = {name for name in expected if found[name] != expected[name]}
    assert differ == {name for name, letters in NAMES.items() if letters == "ae"}


def test_masks_that_could_not_be_made_are_named_by_their_own_names(eight: list[str]) -> None:
    for name in ("a_flt.fits", "e_flt.fits"):
        for extver in (1, 2):
            with fits.open(name, mode="update") as hdus:
                hdus["SCI", extver].data[:] = np.nan
    masks = create_masks(eight, name=NAME, keep_going=True)
    assert sorted(masks.left_out) == [f"ACSWFC_60x80_{number}_x1_F606W_staticMask.fits"
                                      for number in (1, 2)]
    assert len(masks) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="needs make")
def test_make_rules_give_the_names(
    eight: list[str], expected: dict[str, tuple[bytes, list[str]]]
) -> None:
    rules = done("plan", *eight, "--static-sig", "2", "--name", NAME, "-o", "out", "--make").stdout
    assert rules.count(" create --static-sig 2 ") == rules.count(f"--name '{NAME}'") == 4
    Path("Makefile").write_text(f"{rules}\nall: $(STATIC_MASKS)\n.DEFAULT_GOAL := all\n",
                                encoding="utf-8")
    command = f"STATICMASK={sys.executable} -m staticmask_cli"
    subprocess.run(["make", "-s", command], check=True, capture_output=True)  # noqa: S607
    assert contents("out") == expected


def test_the_default_name_is_that_of_the_signature(eight: list[str]) -> None:
    ours = [name for name in eight if name[0] in "ae"]
    default = {mask.name: mask.array.tobytes() for mask in create_masks(ours, output_dir="a")}
    named = create_masks(ours, name="{signature}_staticMask.fits", output_dir="b")
    assert {mask.name: mask.array.tobytes() for mask in named} == default
    for name in default:
        assert Path("a", name).stat().st_size == Path("b", name).stat().st_size


def test_a_name_that_puts_different_pixels_into_one_mask_is_refused(eight: list[str]) -> None:
    with pytest.raises(ExposureError, match=r"each kind with --name '\{signature\}_\{pos"):
        create_masks(eight, name="{signature}_{filter}")
    with pytest.raises(OutputError, match=r"take the place of .*; put \{signature\} into --name"):
        create_masks(eight, name="{filter}_{position}")
    with pytest.raises(ConfigError, match=r"name = a/b: expected letters, digits and _ \. \+ -"):
        create_masks(eight, name="a/b")
    assert run("create", *eight, "--name", "{foo}", code=2).stderr.startswith("Error: name = {foo}")
    assert not list(Path().glob("*Mask.fits"))


def test_masks_of_several_filters_are_all_applied_to_an_exposure(eight: list[str]) -> None:
    ours = [name for name in eight if name[0] in "abef"]
    create_masks(ours, name="{signature}_{filter}", static_sig=2, output_dir="out")
    result = done("apply", *sorted(map(str, Path("out").iterdir())), "--to", "a_flt.fits",
                  "-o", "applied", "-v")
    assert ("out/ACSWFC_60x80_1_F606W_staticMask.fits and out/ACSWFC_60x80_1_F814W_staticMask.fits "
            "are all applied to a_flt.fits[SCI,1]") in result.stderr.replace("\n", " ")
    masks = [StaticMask.read(f"out/ACSWFC_60x80_2_{name}_staticMask.fits").bad
             for name in ("F606W", "F814W")]
    flags = fits.getdata("applied/a_flt.fits", "DQ", 2)
    np.testing.assert_array_equal(flags != 0, np.any(masks, 0))


def test_known_pixels_of_a_detector_go_into_its_masks_of_all_filters(eight: list[str]) -> None:
    create_masks([name for name in eight if name[0] in "ae"], static_sig=2, output_dir="known")
    (known,) = Path("known").glob("ACSWFC_60x80_1_*")
    includes = [str(known), f"ACSWFC_60x80_1={known}", f"ACSWFC_60x80_1_x1_F814W={known}"]
    for include, filters in zip(includes, (["F606W", "F814W"], ["F606W", "F814W"], ["F814W"]),
                                strict=True):
        masks = create_masks(eight, name=NAME, include=include, output_dir="out", overwrite=True)
        with_known = [mask.name for mask in masks if mask.included is not None]
        assert with_known == [f"ACSWFC_60x80_1_x1_{name}_staticMask.fits" for name in filters]
