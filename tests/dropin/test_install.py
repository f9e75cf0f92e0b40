"""Test our step 1 in AstroDrizzle: on a stand-in for drizzlepac, and on the real one."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask, create_masks, staticMask
from staticmask_cli.errors import ConfigError, ExposureError, InputError
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.exposures import digest

SHAPE = (40, 50)
STATIC = {"STEP 1: STATIC MASK": {"static": True, "static_sig": 3.0}}
NAMES = [f"ACSWFC_40x50_{number}_staticMask.fits" for number in (1, 2)]


class ImageOfFile:
    """An image object with what `install` uses of drizzlepac's, for a file."""

    scienceExt = "SCI"  # noqa: N815

    def __init__(
        self, path: str, *, group: list[int] | None = None, inmemory: bool = False
    ) -> None:
        self._filename, self.group, self.inmemory = path, group, inmemory
        self.virtual: dict[str, Any] = {}
        self._chips = {f"SCI,{number}": SimpleNamespace(outputNames={}) for number in (1, 2)}

    def getExtensions(self) -> list[int]:  # noqa: N802
        return [1, 2]

    def saveVirtualOutputs(self, outputs: dict[str, Any]) -> None:  # noqa: N802
        self.virtual |= outputs

    def __getitem__(self, name: str) -> Any:  # noqa: ANN401
        return self._chips[name]

    def mask_of(self, number: int) -> str | None:
        path: str | None = self[f"SCI,{number}"].outputNames.get("staticMask")
        return path


def original(imageObjectList: Any = (), configObj: Any = None, procSteps: Any = None) -> None:  # noqa: ANN401, N803
    """Stand in for the function of drizzlepac that is replaced."""


Step = Callable[..., None]


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Return the module of step 1 of a drizzlepac that has what `install` needs of it."""
    module = SimpleNamespace(createStaticMask=original)
    package, astrodrizzle, images = map(
        ModuleType, ("drizzlepac", "drizzlepac.astrodrizzle", "drizzlepac.imageObject")
    )
    package.__version__ = "9.8.7"  # type: ignore[attr-defined]
    astrodrizzle.staticMask = module  # type: ignore[attr-defined]
    images.imageObject = ImageOfFile  # type: ignore[attr-defined]
    for each in (package, astrodrizzle, images):
        monkeypatch.setitem(sys.modules, each.__name__, each)
    return module


@pytest.fixture
def paths(folder: Path) -> list[str]:
    """Return four dithered exposures in the current folder."""
    return list(simulate_visit(str(folder), "ACS/WFC", shape=SHAPE).paths)


def private_folders() -> set[str]:
    found = os.scandir(tempfile.gettempdir())
    return {entry.path for entry in found if entry.name.startswith("staticmask-")}


def test_step_1_makes_the_masks_of_create_masks_by_the_parameters_of_both(
    step: SimpleNamespace, paths: list[str], folder: Path
) -> None:
    before, images = private_folders(), [ImageOfFile(path) for path in paths]
    with staticMask.install(sky="local", agree=2, final_bits="64") as installation:
        step.createStaticMask(images, STATIC)
        files = [images[0].mask_of(number) for number in (1, 2)]
        assert [[im.mask_of(1), im.mask_of(2)] for im in images] == [files] * 4
        pixels = [fits.getdata(file) for file in files]
        assert sorted(p.name for p in folder.iterdir()) == sorted(Path(p).name for p in paths)
    assert private_folders() <= before
    expected = create_masks(paths, static_sig=3.0, sky="local", agree=2, final_bits="64")
    for got, made, mask in zip(installation.masks, pixels, expected, strict=True):
        assert mask.nbad
        np.testing.assert_array_equal(made, mask.array)
        assert (got.rule, got.facts, got.members) == (mask.rule, mask.facts, mask.members)
        assert got.path is None


def test_step_1_reads_no_dq_unless_it_is_told_to(step: SimpleNamespace, paths: list[str]) -> None:
    config = {**STATIC, "STEP 7: DRIZZLE FINAL COMBINED IMAGE": {"final_bits": 0}}
    for given, final_bits in (({}, None), ({"final_bits": 0}, "0")):
        with staticMask.install(**given) as installation:  # type: ignore[arg-type]
            step.createStaticMask([ImageOfFile(path) for path in paths], config)
        assert {mask.rule.final_bits for mask in installation.masks} == {final_bits}


def test_ready_masks_are_given_to_all_exposures_and_survive_their_deletion(
    step: SimpleNamespace, paths: list[str], folder: Path
) -> None:
    create_masks(paths, static_sig=3.0)
    made = {name: digest(folder / name) for name in NAMES}
    arrays = [StaticMask.read(name).array for name in NAMES]
    by_object = [StaticMask.read(NAMES[0]), NAMES[1]]
    for masks in ("*_staticMask.fits", NAMES, [Path(name) for name in NAMES], by_object):
        images = [ImageOfFile(path) for path in paths[:2]]
        with staticMask.install(masks=masks):  # type: ignore[arg-type]
            step.createStaticMask(images, STATIC)
            for image in images:
                for number, array in enumerate(arrays, 1):
                    file = image.mask_of(number)
                    np.testing.assert_array_equal(fits.getdata(file), array)
                    assert file is not None
                    assert Path(file).parent != folder
            for number in (1, 2):  # as AstroDrizzle does with clean=True
                Path(images[0].mask_of(number) or "").unlink()
        assert {name: digest(folder / name) for name in NAMES} == made


def test_masks_of_images_in_memory_are_kept_there(
    step: SimpleNamespace, paths: list[str]
) -> None:
    images = [ImageOfFile(path, group=[2], inmemory=True) for path in paths]
    with staticMask.install() as installation:
        step.createStaticMask(images, {**STATIC, "group": "sci,2"})
    assert [mask.signature.number for mask in installation.masks] == [2]
    for image in images:
        assert image.mask_of(1) is None
        hdu = image.virtual[str(image.mask_of(2))]
        assert hdu.data.dtype == np.int16
        np.testing.assert_array_equal(hdu.data, installation.masks[0].array)


def test_the_step_is_off_with_static_off(
    step: SimpleNamespace, paths: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    create_masks(paths)
    image = ImageOfFile(paths[0])
    for masks in (None, NAMES):
        with staticMask.install(masks=masks):
            step.createStaticMask([image], {"STEP 1: STATIC MASK": {"static": False}})
    assert image.mask_of(1) is None
    assert caplog.text.count("the masks given to staticMask.install are not used") == 1


def test_uninstalling_restores_what_was_there_in_any_order(step: SimpleNamespace) -> None:
    first = staticMask.install()
    second = staticMask.install(sky="local")
    with staticMask.install():
        assert step.createStaticMask not in (original, second.createStaticMask)
    assert step.createStaticMask == second.createStaticMask
    first.uninstall()
    assert step.createStaticMask == second.createStaticMask
    second.uninstall()
    second.uninstall()
    assert step.createStaticMask is original
    with pytest.raises(RuntimeError), staticMask.install():
        raise RuntimeError
    assert step.createStaticMask is original


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"static_sig": -1}, "static_sig = -1: expected a number > 0"),
        ({"sky": "blue"}, "sky = blue: expected global or local"),
        ({"agree": "joint"}, "agree = joint .* needs sky = local"),
        ({"static_sgi": 3}, "static_sgi = 3: no such parameter.* did you mean static_sig"),
        ({"static": True, "group": 1}, "install: group, static: give it to AstroDrizzle"),
        ({"masks": "x.fits", "sky": "local", "agree": 2},
         "install: sky, agree and masks contradict each other"),
    ],
)
def test_wrong_arguments_are_refused_at_once(
    given: dict[str, Any], message: str, step: SimpleNamespace
) -> None:
    with pytest.raises(ConfigError, match=message):
        staticMask.install(**given)
    assert step.createStaticMask is original


def test_masks_that_cannot_be_used_are_refused_at_once(
    step: SimpleNamespace, paths: list[str], folder: Path
) -> None:
    create_masks(paths, output_dir="old")
    create_masks(paths, output_dir="new")
    with pytest.raises(ConfigError, match=r"masks new/ACSWFC_40x50_1_.* and old/ACSWFC_40x50_1_.* "
                                          r"are of the same signature, ACSWFC_40x50_1; give one"):
        staticMask.install(masks="*/*_1_staticMask.fits")
    with pytest.raises(InputError, match=r"none_staticMask\.fits"):
        staticMask.install(masks="none_staticMask.fits")
    with pytest.raises(InputError, match="expected a mask that staticmask wrote"):
        staticMask.install(masks=paths[0])
    with pytest.raises(ConfigError):
        staticMask.install(masks=[])
    assert step.createStaticMask is original
    assert (folder / "old").exists()


def test_a_chip_without_a_mask_is_named_with_its_signature_and_the_masks(
    step: SimpleNamespace, paths: list[str]
) -> None:
    create_masks(paths)
    image = ImageOfFile(paths[0])
    with staticMask.install(masks=NAMES[0]), pytest.raises(ExposureError) as error:
        step.createStaticMask([image], STATIC)
    assert str(error.value) == (
        f"{paths[0]}[SCI,2]: expected a mask of its signature, ACSWFC_40x50_2, among those given "
        f"to staticMask.install, found {NAMES[0]}; make a mask of such exposures"
    )
    assert image.mask_of(1) is None


def test_a_mask_of_other_pixels_of_the_detector_is_refused(
    step: SimpleNamespace, paths: list[str]
) -> None:
    create_masks(paths)
    with fits.open(paths[0], mode="update") as hdus:
        hdus["SCI", 2].header["LTV1"] = -100
    masks = [StaticMask.read(name) for name in NAMES]
    masks[1].facts["LTV1"] = 0
    with staticMask.install(masks=masks), pytest.raises(
        ExposureError, match=r"\(LTV1 = -100 and not 0\)"
    ):
        step.createStaticMask([ImageOfFile(paths[0])], STATIC)


FUNCTION = r"astrodrizzle\.staticMask\.createStaticMask\(imageObjectList, configObj, procSteps\)"


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ({"step": None}, f"9.8.7 has no {FUNCTION}, which"),
        ({"step": lambda images: images}, f"9.8.7 has no {FUNCTION}, which"),
        ({"without": "getExtensions"}, r"9.8.7 has no imageObject\.getExtensions, which"),
        ({"module": None}, "staticMask.install needs drizzlepac, which cannot be imported"),
    ],
)
def test_another_drizzlepac_is_refused_with_what_is_missing(
    version: dict[str, Any], found: str, step: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "step" in version:
        step.createStaticMask = version["step"]
    if "without" in version:
        monkeypatch.delattr(ImageOfFile, version["without"])
    if "module" in version:
        monkeypatch.setitem(sys.modules, "drizzlepac.astrodrizzle", None)
    with pytest.raises(ConfigError, match=rf"{found}.* tried with drizzlepac 3\.11\.0$"):
        staticMask.install()


def test_image_objects_of_another_drizzlepac_are_refused(
    step: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ImageOfFile, "scienceExt")
    with staticMask.install(), pytest.raises(
        ConfigError, match=r"drizzlepac 9\.8\.7 has no imageObject\.scienceExt, which"
    ):
        step.createStaticMask([ImageOfFile("a_flt.fits")], STATIC)


def dithered(real_exposure: Path, folder: Path) -> list[str]:
    """Write four dithered parts of the real exposure with planted pixels; no reference files."""
    rng = np.random.default_rng(3)
    ny, nx = 300, 400
    folder.mkdir()
    paths = []
    for number, (dx, dy) in enumerate([(0, 0), (5, 3), (11, -4), (-7, 9)]):
        with fits.open(real_exposure) as hdus:
            primary = hdus[0].header
            for key in ("IDCTAB", "NPOLFILE", "D2IMFILE", "MDRIZTAB"):
                primary[key] = "N/A"
            primary["ROOTNAME"] = f"j8bt06n{number}q"
            primary["EXPSTART"] += number / 500
            for hdu in hdus[1:]:
                hdu.data = np.roll(hdu.data, (dy, dx), (0, 1))[300 : 300 + ny, 200 : 200 + nx]
                hdu.header["LTV1"], hdu.header["LTV2"] = -200, -300
                hdu.header["CRPIX1"] += dx - 200
                hdu.header["CRPIX2"] += dy - 300
            hdus[1].header["IDCSCALE"] = 0.025
            hdus[1].data = hdus[1].data + rng.normal(0, 3, (ny, nx)).astype("f4")
            hdus[1].data[::50, ::60] = -300
            hdus[1].data[100:104, 50:60] = -400
            paths.append(str(folder / f"j8bt06n{number}q_flt.fits"))
            hdus.writeto(paths[-1])
    return paths


@pytest.fixture
def drizzled(
    real_exposure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, Any]]:
    """Return a function that drizzles new copies of the exposures, and reads the products."""
    astrodrizzle = pytest.importorskip("drizzlepac.astrodrizzle")
    options = {
        "updatewcs": False, "preserve": False, "clean": True, "build": False, "num_cores": 1,
        "static_sig": 1.0, "driz_sep_bits": 80, "final_bits": 80,
    }

    def drizzle(name: str, mask: Any = None, **given: Any) -> dict[str, Any]:  # noqa: ANN401
        for path in dithered(real_exposure, tmp_path / name):
            if mask is not None:
                with fits.open(path, mode="update") as hdus:
                    hdus["DQ"].data[mask.bad] |= 4
        monkeypatch.chdir(tmp_path / name)
        astrodrizzle.AstroDrizzle("*_flt.fits", output="all", **(options | given))
        return {kind: fits.getdata(f"all_drz_{kind}.fits") for kind in ("sci", "wht", "ctx")}

    return drizzle


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    for kind, pixels in expected.items():
        np.testing.assert_array_equal(found[kind], pixels, err_msg=kind)


@pytest.mark.filterwarnings("ignore")  # raised in drizzlepac
def test_all_ways_into_astrodrizzle_make_the_products_of_its_own_step_1(
    drizzled: Callable[..., dict[str, Any]], real_exposure: Path, tmp_path: Path
) -> None:
    expected = drizzled("reference")
    without = drizzled("without", static=False)
    assert np.count_nonzero(expected["wht"] != without["wht"]) > 40

    with staticMask.install() as installation:
        assert_same(drizzled("installed"), expected)
        assert_same(drizzled("in memory", in_memory=True), expected)
    (mask,) = installation.masks
    assert mask.facts.items() > {"INSTRUME": "ACS", "DETECTOR": "HRC", "LTV1": -200}.items()
    assert [member.label.exptime for member in mask.members] == [60.0] * 4
    assert (mask.pointings, 40 < mask.nbad < 200) == (4, True)
    assert not list((tmp_path / "installed").glob("*_staticMask.fits"))

    paths = dithered(real_exposure, tmp_path / "again")
    (ready,) = create_masks(paths, static_sig=1.0, output_dir=tmp_path / "masks")
    before = digest(Path(str(ready.path)))
    with staticMask.install(masks=str(tmp_path / "masks" / "*_staticMask.fits")):
        assert_same(drizzled("ready"), expected)
    assert digest(Path(str(ready.path))) == before
    assert_same(drizzled("flagged", ready, static=False), expected)
    assert_same(drizzled("its own again"), expected)


@pytest.mark.filterwarnings("ignore")  # raised in drizzlepac
def test_astrodrizzle_raises_our_error_for_a_chip_without_a_mask(
    drizzled: Callable[..., dict[str, Any]], paths: list[str]
) -> None:
    create_masks(paths, output_dir="masks")
    with staticMask.install(masks=os.path.abspath("masks/*_staticMask.fits")), pytest.raises(
        ExposureError, match="expected a mask of its signature, ACSHRC_300x400_1, among"
    ):
        drizzled("other")
