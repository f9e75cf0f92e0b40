"""Test the drop-in for drizzlepac.staticMask: its names, arguments and image objects."""

import inspect
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import staticmask_cli
from staticmask_cli import Parameters, StaticMask, staticMask
from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.errors import ChipError, ConfigError, ExposureError
from tests.support.exposures import WriteExposure, coordinates, digest, sky
from tests.support.oracle import oracle_mask

pytestmark = pytest.mark.usefixtures("folder")  # the drop-in writes to the current folder

ACS = ("ACSWFC", (60, 80), 1)

ARGUMENTS = {
    "createMask": "input=None, static_sig=4.0, group=None, editpars=False, configObj=None, "
                  "**inputDict",
    "createStaticMask": "imageObjectList=(), configObj=None, procSteps=None",
    "run": "configObj",
    "help": "file=None",
    "install": "*, masks=None, static_sig=None, sky=None, agree=None, final_bits=None, **others",
    "getHelpAsString": "docstring=False, show_ver=True",
    "buildSignatureKey": "signature",
    "constructFilename": "signature",
    "staticMask": "configObj=None",
    "staticMask.addMember": "self, imagePtr",
    "staticMask.getMaskArray": "self, signature",
    "staticMask.getFilename": "self, signature",
    "staticMask.getMaskname": "self, chipid",
    "staticMask.deleteMask": "self, signature",
    "staticMask.saveToFile": "self, imageObjectList",
    "staticMask.close": "self",
}
MODERN = {
    "chip_statistics": "data",
    "ChipStatistics": "npix, mean, rms, mode, minimum, maximum, nbins",
    "create_masks": "inputs, *, static_sig=4.0, sky='global', agree='any', final_bits=None, "
                    "high=False, least_depth=0.5, group=None, name='{signature}', "
                    "instrument=None, sci_ext=None, dq_ext=None, include=None, "
                    "include_bad=None, suffix=None, output_dir='.', "
                    "overwrite=False, update=False, checkpoint=None, keep_going=False, "
                    "plot=None, jobs=None, executor=None, scheduler=None, "
                    "progress=None, write=True",
}


def arguments(function: Any) -> str:  # noqa: ANN401
    """Return the names and defaults of a function's arguments, without annotations."""
    signature = inspect.signature(function)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values()]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))[1:-1]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_documented_names_have_the_documented_arguments(name: str) -> None:
    found: Any = staticMask
    for part in name.split("."):
        found = getattr(found, part)
    assert arguments(found) == ARGUMENTS[name]
    assert found.__doc__


@pytest.mark.parametrize("name", MODERN)
def test_the_modern_names_have_the_documented_arguments(name: str) -> None:
    assert arguments(getattr(staticmask_cli, name)) == MODERN[name]


class Chip(SimpleNamespace):
    """A chip with the attributes that the drop-in uses of drizzlepac's image objects."""

    signature: tuple[str, tuple[int, int], int]
    outputNames: dict[str, Any]  # noqa: N815


class Image:
    """An image object with only those methods of drizzlepac's that the drop-in uses."""

    scienceExt = "SCI"  # noqa: N815

    def __init__(
        self, *chips: Any, inmemory: bool = False, group: list[int] | None = None,  # noqa: ANN401
        primary: fits.Header | None = None,
    ) -> None:
        self.group, self.inmemory = group, inmemory
        self.virtual: dict[str, Any] = {}
        self._image = [] if primary is None else [SimpleNamespace(header=primary)]
        self._data = dict(enumerate(chips, 1))
        self._chips = {
            f"SCI,{number}": Chip(signature=("ACSWFC", data.shape, number), outputNames={})
            for number, data in self._data.items()
        }

    def getExtensions(self) -> list[int]:  # noqa: N802
        return list(self._data)

    def getData(self, name: str) -> Any:  # noqa: ANN401, N802
        return self._data[int(name.split(",")[1])]

    def __getitem__(self, name: str) -> Chip:
        return self._chips[name]

    def saveVirtualOutputs(self, outputs: dict[str, Any]) -> None:  # noqa: N802
        self.virtual |= outputs


class Steps:
    """A record of processing steps, as drizzlepac's ProcSteps."""

    def __init__(self) -> None:
        self.recorded: list[tuple[str, ...]] = []

    def addStep(self, key: str) -> None:  # noqa: N802
        self.recorded.append(("add", key))

    def endStep(self, key: str, reason: str = "ended") -> None:  # noqa: N802
        self.recorded.append((reason, key))


class OldSteps(Steps):
    """The record of older versions, which have a method for steps that were skipped."""

    def skipStep(self, key: str, reason: str = "aborted") -> None:  # noqa: N802
        self.recorded.append((f"skip: {reason}", key))


def test_a_script_for_drizzlepac_runs_with_only_its_import_changed(
    write_exposure: WriteExposure,
) -> None:
    paths = [write_exposure(f"{name}_flt.fits", chips=[{"data": sky(seed=n)}])
             for n, name in enumerate("ab")]
    before = [digest(path) for path in paths]
    script = (
        "import sys\n"
        "from drizzlepac import staticMask\n"
        "pattern = '*flt.fits'\n"
        "sigma = 3.0\n"
        "staticMask.createMask(pattern, static_sig=sigma)\n"
        "name = staticMask.buildSignatureKey(('ACSWFC', (60, 80), 1))\n"
    )
    names: dict[str, Any] = {}
    exec(script.replace("drizzlepac", "staticmask_cli"), names)  # noqa: S102 - the script above
    expected = oracle_mask([sky(seed=0), sky(seed=1)], 3.0)
    np.testing.assert_array_equal(fits.getdata(names["name"]), expected)
    assert [digest(path) for path in paths] == before


def test_create_mask_without_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"createMask needs an input, such as .*flt\.fits"):
        staticMask.createMask()


@pytest.mark.parametrize(
    ("keywords", "static_sig"),
    [
        ({}, 4.0),
        ({"configObj": "defaults"}, 4.0),
        ({"configObj": "run.cfg"}, 2.5),
        ({"configObj": Parameters}, 2.5),
        ({"configObj": {"STEP 1: STATIC MASK": {"static_sig": 2.5}}}, 2.5),
        ({"configObj": {"static_sig": 2.5}}, 2.5),
        ({"configObj": "run.cfg", "static_sig": 4.0}, 4.0),
        ({"configObj": "run.cfg", "static_sig": 3}, 3.0),
        ({"STEP 1: STATIC MASK": {"static_sig": 3.5}}, 3.5),
        ({"updatewcs": False, "output": "field"}, 4.0),
        ({"configObj": {"output": "field", "static_sig": 2.5}}, 2.5),
    ],
)
def test_parameters_come_from_config_obj_and_are_overridden_by_name(
    keywords: dict[str, Any], static_sig: float, write_exposure: WriteExposure
) -> None:
    from configobj import ConfigObj  # noqa: PLC0415

    Path("run.cfg").write_text("[STEP 1: STATIC MASK]\nstatic_sig = 2.5\n", encoding="utf-8")
    if keywords.get("configObj") is Parameters:
        keywords = {"configObj": ConfigObj("run.cfg")}
    (mask,) = staticMask.createMask(str(write_exposure()), **keywords)
    assert mask.rule.static_sig == static_sig
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()], static_sig))


def test_the_exposures_can_come_from_config_obj(write_exposure: WriteExposure) -> None:
    Path("run.cfg").write_text(f"input = {write_exposure()}\n", encoding="utf-8")
    (mask,) = staticMask.createMask(configObj="run.cfg", static_sig=3.0)
    assert mask.rule.static_sig == 3.0


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"static_sgi = 3: no such .*did you mean static_sig"):
        staticMask.createMask("x.fits", static_sgi=3)
    with pytest.raises(ConfigError, match=r"staticfile = m.fits: no such .*did you mean include\?"):
        staticMask.createMask("x.fits", staticfile="m.fits")  # as of MultiDrizzle


def test_static_off_makes_nothing(write_exposure: WriteExposure, folder: Path) -> None:
    path = write_exposure()
    assert staticMask.createMask(str(path), static=False) == []
    assert staticMask.run({"input": str(path), "static": False}) == []
    assert list(folder.iterdir()) == [path]


def test_run_combines_all_exposures(write_exposure: WriteExposure) -> None:
    for number, name in enumerate("abc"):
        write_exposure(f"{name}_flt.fits", chips=[{"data": sky(seed=number)}])
    staticMask.run({"input": "*flt.fits", "group": None, "static": True, "static_sig": 3.0})
    expected = oracle_mask([sky(seed=n) for n in range(3)], 3.0)
    np.testing.assert_array_equal(fits.getdata("ACSWFC_60x80_1_staticMask.fits"), expected)


@pytest.mark.parametrize("answer", ["run", "cancel"])
def test_editpars_edits_before_the_run(
    answer: str, write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def edit(parameters: Parameters) -> Parameters | None:
        changed = Parameters.load(None, {**vars(parameters), "static_sig": 2.0})
        return changed if answer == "run" else None

    monkeypatch.setattr(staticMask, "edit_parameters", edit)
    masks = staticMask.createMask(str(write_exposure()), editpars=True)
    assert [mask.rule.static_sig for mask in masks] == ([2.0] if answer == "run" else [])


def test_image_objects_make_the_masks_of_their_signatures() -> None:
    first, second = (sky(seed=1), sky(seed=2)), (sky(seed=3), sky(seed=4))
    images = [Image(*first), Image(*second)]
    staticMask.createStaticMask(images, {"static_sig": 3.0})
    for number, name in ((1, "./ACSWFC_60x80_1_staticMask.fits"),
                         (2, "./ACSWFC_60x80_2_staticMask.fits")):
        expected = oracle_mask([image.getData(f"SCI,{number}") for image in images], 3.0)
        np.testing.assert_array_equal(fits.getdata(name), expected)
        assert [im[f"SCI,{number}"].outputNames["staticMask"] for im in images] == [name, name]


def test_image_objects_of_one_pointing_vote_together() -> None:
    votes = {}
    for name, offsets in {"apart": (0.0, 9.0), "together": (0.0, 0.5), "unknown": None}.items():
        masks = staticMask.staticMask({"static_sig": 3.0, "sky": "local", "agree": "2"})
        for number in range(2):
            image = Image(sky(seed=number))
            if offsets:
                image["SCI,1"].header = fits.Header(coordinates(offsets[number]))
            masks.addMember(image)
        votes[name] = masks.masklist[ACS].voters
    assert votes == {"apart": 2, "together": 1, "unknown": 2}


def test_headers_of_image_objects_reach_the_mask() -> None:
    primary = {"INSTRUME": "ACS", "DETECTOR": "WFC", "ROOTNAME": "j1", "EXPTIME": 30.0}
    image = Image(sky(), primary=fits.Header(primary))
    image["SCI,1"].header = fits.Header({"CCDCHIP": 2, "BUNIT": "ELECTRONS"})
    staticMask.createStaticMask([image])
    mask = StaticMask.read("ACSWFC_60x80_1_staticMask.fits")
    assert mask.facts == {
        "INSTRUME": "ACS", "DETECTOR": "WFC", "CCDCHIP": 2, "BUNIT": "ELECTRONS"
    }
    assert [(m.label.rootname, m.label.exptime) for m in mask.members] == [("j1", 30.0)]


def test_subarrays_of_other_positions_do_not_share_a_mask_in_astrodrizzle(folder: Path) -> None:
    images = [Image(sky(seed=seed), primary=fits.Header({"INSTRUME": "ACS"})) for seed in (1, 2, 3)]
    for image, left in zip(images, (0.0, 0.0, -100.0), strict=True):
        image["SCI,1"].signature = ("", (60, 80), 1)  # as drizzlepac has it for some detectors
        image["SCI,1"].header = fits.Header({"LTV1": left, "LTV2": 0.0})
    steps = Steps()
    with pytest.raises(ExposureError, match=(
            r"is of other pixels .* _60x80_1_staticMask.fits \(LTV1 = -100 and not 0\); "
            r"drizzle the exposures of each position in a run of their own")) as error:
        staticMask.createStaticMask(images, procSteps=steps)
    assert "\n" not in str(error.value)
    assert steps.recorded[-1][0] == "aborted"
    assert list(folder.iterdir()) == []
    staticMask.createStaticMask(images[:2])
    expected = oracle_mask([sky(seed=1), sky(seed=2)])
    np.testing.assert_array_equal(fits.getdata("_60x80_1_staticMask.fits"), expected)


def test_group_of_an_image_object_limits_its_chips(folder: Path) -> None:
    staticMask.createStaticMask([Image(sky(seed=1), sky(seed=2), group=[2])])
    assert [path.name for path in folder.iterdir()] == ["ACSWFC_60x80_2_staticMask.fits"]


def test_images_in_memory_get_the_mask_and_no_file_is_written(folder: Path) -> None:
    images = [Image(sky(seed=n), inmemory=True) for n in (1, 2)]
    staticMask.createStaticMask(images)
    assert list(folder.iterdir()) == []
    for image in images:
        hdu = image.virtual["./ACSWFC_60x80_1_staticMask.fits"]
        assert hdu.data.dtype == np.int16
        np.testing.assert_array_equal(hdu.data, oracle_mask([sky(seed=1), sky(seed=2)]))


@pytest.mark.parametrize(
    ("steps", "config", "images", "recorded"),
    [
        (Steps(), {}, [Image(sky())], ["add", "ended"]),
        (Steps(), {"static": False}, [Image(sky())], ["add", "off"]),
        (OldSteps(), {"static": False}, [Image(sky())], ["add", "skip: off"]),
        (Steps(), {}, [], ["add", "aborted"]),
        (OldSteps(), {}, [], ["add", "skip: aborted"]),
        (Steps(), {}, "x", ["add", "aborted"]),
        (Steps(), {"static_sig": -1}, [Image(sky())], ["add", "aborted"]),
        (Steps(), {}, [Image(sky().astype(complex))], ["add", "aborted"]),
    ],
)
def test_proc_steps_records_the_result_of_the_step(
    steps: Steps, config: dict[str, Any], images: Any, recorded: list[str]  # noqa: ANN401
) -> None:
    if recorded[-1].endswith("aborted"):
        with pytest.raises((ConfigError, ChipError)):
            staticMask.createStaticMask(images, config, steps)
    else:
        staticMask.createStaticMask(images, config, procSteps=steps)
    assert steps.recorded == [(word, "Static Mask") for word in recorded]


def test_the_class_warns_that_it_includes_no_lists(caplog: pytest.LogCaptureFixture) -> None:
    staticMask.staticMask({"include": "bad.reg"})
    assert "include = bad.reg has no effect on image objects" in caplog.text


def test_the_class_returns_and_deletes_its_masks(caplog: pytest.LogCaptureFixture) -> None:
    masks = staticMask.staticMask({"static_sig": 3.0})
    masks.addMember(Image(sky()))
    np.testing.assert_array_equal(masks.getMaskArray(ACS), oracle_mask([sky()], 3.0))
    assert masks.getMaskArray(ACS).dtype == np.int16
    assert masks.getMaskArray(("other", (1, 2), 3)) is None
    assert masks.getMaskname("SCI,1") == "./ACSWFC_60x80_1_staticMask.fits"
    with pytest.raises(ChipError, match="no chip 'SCI,9' was added to a mask; added: SCI,1"):
        masks.getMaskname("SCI,9")
    assert masks.getFilename(ACS) is None
    assert "does not exist" in caplog.text
    masks.saveToFile([Image(sky())])
    assert masks.getFilename(ACS) == "./ACSWFC_60x80_1_staticMask.fits"
    masks.deleteMask(ACS)
    assert masks.getMaskArray(ACS) is None
    assert Path("ACSWFC_60x80_1_staticMask.fits").exists()
    masks.deleteMask(ACS)
    assert "there is no mask of" in caplog.text
    masks.addMember(Image(sky()))
    masks.close()
    assert masks.getMaskArray(ACS) is None


@pytest.mark.parametrize("root", ["../../x", "/etc/y", "-rf", "", "a b", "x\0y"])
def test_names_of_masks_stay_in_the_current_folder(root: str) -> None:
    name = staticMask.constructFilename((root, (3, 4), 1))
    assert Path(name).name == name.removeprefix("./")
    assert name.startswith("./")
    assert name.endswith("_3x4_1_staticMask.fits")


def test_help_shows_every_parameter_with_its_type_default_and_meaning() -> None:
    text = staticMask.getHelpAsString()
    for declared in declarations().values():
        assert f"{declared.name} : {declared.kind} = {declared.default}" in text
        assert declared.comment.split()[0] in text
    assert f"staticmask {staticmask_cli.__version__}" in text
    assert "staticmask " not in staticMask.getHelpAsString(show_ver=False)
    assert "createMask(" in staticMask.getHelpAsString(docstring=True)


def test_help_goes_to_stdout_or_replaces_a_file(
    capsys: pytest.CaptureFixture[str], write_exposure: WriteExposure
) -> None:
    staticMask.help()
    printed = capsys.readouterr().out
    Path("help.txt").write_text("old", encoding="utf-8")
    staticMask.help(file="help.txt")
    assert Path("help.txt").read_text(encoding="utf-8") == printed
    exposure = write_exposure()
    before = digest(exposure)
    with pytest.raises(OSError, match="is not a text file"):
        staticMask.help(file=str(exposure))
    assert digest(exposure) == before


def test_masks_can_be_made_from_arrays_without_files(folder: Path) -> None:
    mask = staticmask_cli.StaticMask(staticmask_cli.Signature("MYCAM", (60, 80), 1), static_sig=3.0)
    for number in (1, 2):
        mask.add(sky(seed=number), label=f"array {number}")
    np.testing.assert_array_equal(mask.array, oracle_mask([sky(seed=1), sky(seed=2)], 3.0))
    assert list(folder.iterdir()) == []


@pytest.mark.filterwarnings("ignore")  # raised in drizzlepac
def test_drizzlepacs_image_objects_get_the_same_mask_as_from_drizzlepac(
    real_exposure: Path, folder: Path
) -> None:
    reference = pytest.importorskip("drizzlepac.staticMask")
    process_input = pytest.importorskip("drizzlepac.processInput")
    util = pytest.importorskip("drizzlepac.util")
    for name in ("drizzlepac", "staticmask"):
        (folder / name).mkdir()
        shutil.copy(real_exposure, folder / name)
    config = {"STEP 1: STATIC MASK": {"static": True, "static_sig": 0.25}}
    results, names = {}, {}
    for name, module in (("drizzlepac", reference), ("staticmask", staticMask)):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder / name)
            images = process_input.createImageObjectList(
                [real_exposure.name], instrpars={}, group=None, inmemory=False
            )
            module.createStaticMask(images, config, procSteps=util.ProcSteps())
            path = images[0]["SCI,1"].outputNames["staticMask"]
            names[name] = path
            results[name] = fits.getdata(path)
            for image in images:
                image.close()
    assert names["staticmask"] == names["drizzlepac"]
    assert results["staticmask"].dtype.newbyteorder("=") == np.int16
    assert 0 < np.count_nonzero(results["staticmask"] == 0) < results["staticmask"].size
    np.testing.assert_array_equal(results["staticmask"], results["drizzlepac"])


@pytest.mark.filterwarnings("ignore")  # raised in drizzlepac
def test_drizzlepacs_images_in_memory_get_the_mask_and_no_file(
    real_exposure: Path, folder: Path
) -> None:
    process_input = pytest.importorskip("drizzlepac.processInput")
    before = sorted(folder.iterdir())
    images = process_input.createImageObjectList(
        [real_exposure.name], instrpars={}, group=None, inmemory=True
    )
    staticMask.createStaticMask(images, {"static_sig": 0.25})
    name = images[0]["SCI,1"].outputNames["staticMask"]
    np.testing.assert_array_equal(
        images[0].virtualOutputs[name].data, oracle_mask([fits.getdata(real_exposure, 1)], 0.25)
    )
    images[0].close()
    assert sorted(folder.iterdir()) == before
