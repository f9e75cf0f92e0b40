"""Test which pictures are written, when, and from which data they are drawn."""

import os
import re
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest
from astropy.io import fits
from matplotlib.image import imread

from staticmask_cli import create_masks
from staticmask_cli.errors import ConfigError, InputError, OutputError
from staticmask_cli.plots import files as plot_files
from staticmask_cli.plots.draw import MOST_HISTOGRAMS, plot_masks
from staticmask_cli.plots.page import Page
from staticmask_cli.simulate.visit import Visit
from tests.support.command import run
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.joint import joint_mask, known_depths

pytestmark = pytest.mark.usefixtures("folder")

NAMES = ["ACSWFC_150x220_1", "ACSWFC_150x220_2"]
DPI = plot_files._DPI  # noqa: SLF001


@pytest.fixture(autouse=True)
def _few_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw small pictures, which takes less time."""
    monkeypatch.setattr(plot_files, "_DPI", 40)


def files() -> list[str]:
    return sorted(path.name for path in Path().iterdir())


def test_a_png_for_each_mask_is_grey_and_names_it(visit: Visit) -> None:
    result = run(*visit.paths, "-o", "out", "--plot", "look/m.PNG", "-q")
    assert (result.exit_code, result.output) == (0, "")
    assert sorted(os.listdir("look")) == [f"m_{name}.PNG" for name in NAMES]
    for name in NAMES:
        pixels = imread(f"look/m_{name}.PNG", format="png")
        assert pixels.shape[1] == 320  # 8 inches
        red, green, blue = (pixels[..., channel] for channel in range(3))
        assert np.array_equal(red, green)
        assert np.array_equal(red, blue)
        assert red.min() == 0 < red.max() == 1


def test_the_picture_of_one_mask_has_the_name_that_was_asked_for(visit: Visit) -> None:
    assert run(*visit.paths, "--group", "sci,2", "--plot", "m.svg").exit_code == 0
    assert files() == [f"{NAMES[1]}_staticMask.fits", "m.svg"]
    assert ET.parse("m.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own file


def test_a_pdf_has_a_page_for_each_mask(visit: Visit, drawn: list[Page]) -> None:
    assert run(*visit.paths, "--plot", "m.pdf").exit_code == 0
    assert files() == [*(f"{name}_staticMask.fits" for name in NAMES), "m.pdf"]
    assert len(re.findall(rb"/Type /Page\b", Path("m.pdf").read_bytes())) == len(drawn) == 2


@pytest.mark.parametrize("suffix", ["pdf", "svg"])  # a PNG has neither a date nor names of parts
def test_the_same_run_draws_the_same_bytes(
    visit: Visit, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    for name in ("a", "b"):
        create_masks(visit.paths, group="sci,1", plot=f"{name}.{suffix}")
    assert digest(Path(f"a.{suffix}")) == digest(Path(f"b.{suffix}"))


def test_each_exposure_is_drawn_from_its_own_pixels(visit: Visit, drawn: list[Page]) -> None:
    masks = create_masks(visit.paths, plot="m.pdf", jobs=2)
    assert [page.mask for page in drawn] == masks
    for extver, page in enumerate(drawn, 1):
        assert page.unit == "ELECTRONS"
        names = [os.path.basename(path) for path in visit.paths]
        assert [found.name for found in page.histograms] == names
        for path, member, (_, low, histogram, _) in zip(
            visit.paths, page.mask.members, page.histograms, strict=True
        ):
            assert low == histogram.tail.sum() == member.below > 0
            assert (histogram.mode, histogram.threshold) == (member.mode, member.threshold)
            data = fits.getdata(path, ("SCI", extver))
            shown = (data >= member.threshold) & (data < histogram.body_edges[-1])
            assert histogram.body.sum() == np.count_nonzero(shown)


def test_only_some_of_many_exposures_are_drawn_from_the_first_to_the_last(
    write_exposure: WriteExposure, drawn: list[Page]
) -> None:
    paths = [
        write_exposure(f"{number:02}_flt.fits", chips=[{"data": sky((8, 30), seed=number)}])
        for number in range(60)
    ]
    create_masks(paths, plot="m.png")
    numbers = [int(found.name[:2]) for found in drawn[0].histograms]
    assert len(numbers) == MOST_HISTOGRAMS
    assert (numbers[0], numbers[-1]) == (0, 59)
    assert set(np.diff(numbers)) == {2, 3}


def test_chips_that_were_set_aside_are_not_drawn(
    write_exposure: WriteExposure, drawn: list[Page]
) -> None:
    paths = [write_exposure(), write_exposure("b_flt.fits", EXPTIME=0.0),
             write_exposure("c_flt.fits", chips=[{"data": np.ones((60, 80), np.float32)}])]
    create_masks(paths, plot="m.png")
    assert [found.name for found in drawn[0].histograms] == ["a_flt.fits"]


def test_an_executor_of_processes_reads_the_pixels_too(visit: Visit, drawn: list[Page]) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        create_masks(visit.paths, plot="m.png", group="sci,1", executor=executor)
    assert [len(page.histograms) for page in drawn] == [4]


def test_masks_from_files_are_drawn_with_their_members(visit: Visit, drawn: list[Page]) -> None:
    made = create_masks(visit.paths)
    paths = [str(mask.path) for mask in made]
    assert plot_masks(paths, "m.svg") == [f"m_{name}.svg" for name in NAMES]
    assert [(page.name, page.unit, page.histograms) for page in drawn] == [
        (name, "ELECTRONS", ()) for name in NAMES
    ]
    for page, mask in zip(drawn, made, strict=True):
        np.testing.assert_array_equal(page.mask.bad, mask.bad)
        assert len(page.mask.used) == 4
    assert plot_masks(paths[:1], "one.svg") == ["one.svg"]


def test_masks_of_the_same_name_have_different_files(visit: Visit, drawn: list[Page]) -> None:
    for folder in ("old", "new"):
        create_masks(visit.paths, group="sci,1", output_dir=folder)
    names = [f"{folder}/{NAMES[0]}_staticMask.fits" for folder in ("old", "new")]
    assert plot_masks(names, "m.png") == [f"m_{NAMES[0]}.png", f"m_{NAMES[0]}_2.png"]
    assert len(drawn) == 2


def test_inspect_draws_masks_of_drizzlepac_too(visit: Visit, drawn: list[Page]) -> None:
    (mask,) = create_masks(visit.paths, group="sci,1")
    fits.PrimaryHDU(mask.array).writeto("x_150x220_1_staticMask.fits")
    result = run("inspect", str(mask.path), "x_150x220_1_staticMask.fits", "--plot", "m.pdf")
    assert result.exit_code == 0
    assert Path("m.pdf").is_file()
    assert [page.name for page in drawn] == [NAMES[0], "x_150x220_1"]
    np.testing.assert_array_equal(drawn[1].mask.bad, mask.bad)
    assert drawn[1].mask.members == []


def test_inspect_checks_the_name_of_the_picture_before_it_reads_a_mask(folder: Path) -> None:
    result = run("inspect", "nowhere.fits", "--plot", "m.jpg")
    assert result.exit_code == 2
    assert "plot = m.jpg: expected a name that ends with" in result.stderr
    fits.PrimaryHDU().writeto("empty.fits")
    with pytest.raises(InputError, match=r"empty\.fits: expected a static mask"):
        plot_masks(["empty.fits"], "m.png")
    assert [path.name for path in folder.iterdir()] == ["empty.fits"]


def test_the_style_of_the_user_is_neither_used_nor_changed(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plot_files, "_DPI", DPI)
    with mpl.rc_context({"axes.facecolor": "red", "text.usetex": True}):
        create_masks(visit.paths, group="sci,1", plot="m.png")
        assert mpl.rcParams["axes.facecolor"] == "red"
    pixels = imread("m.png")
    assert pixels.shape[1] == 1600  # 8 inches at 200 dpi
    assert np.array_equal(pixels[..., 0], pixels[..., 1])


# A picture that cannot be drawn is refused before any work is done.


@pytest.mark.parametrize("name", ["m.jpg", "m", "png", ".png", "m.fits", "m.png.gz", ""])
def test_another_suffix_is_a_usage_error(name: str, folder: Path) -> None:
    result = run("nowhere_flt.fits", "--plot", name)
    assert result.exit_code == 2
    assert f"plot = {name}: expected a name that ends with .png, .pdf or .svg" in result.stderr
    assert list(folder.iterdir()) == []


def test_without_matplotlib_the_error_names_the_extra_to_install(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("nowhere_flt.fits", "--plot", "m.png")
    assert result.exit_code == 2
    assert "m.png: pictures need matplotlib, which cannot be imported" in result.stderr
    assert "pip install 'staticmask[plot]'" in result.stderr
    assert list(folder.iterdir()) == []
    with pytest.raises(ConfigError, match="pip install"):
        plot_masks([], "m.png")


def test_a_folder_is_refused_as_a_picture() -> None:
    Path("m.png").mkdir()
    result = run("nowhere_flt.fits", "--plot", "m.png")
    assert result.exit_code == 1
    assert "m.png: is a folder, expected the name of a picture" in result.stderr


def test_an_exposure_is_not_replaced_by_a_picture(visit: Visit) -> None:
    for name in ("a.png", f"m_{NAMES[1]}.png"):
        Path(name).write_bytes(Path(visit.paths[0]).read_bytes())
    before = digest(Path("a.png"))
    for plot, existing in (("a.png", "a.png"), ("m.png", f"m_{NAMES[1]}.png")):
        result = run(*visit.paths, "--plot", plot)
        assert result.exit_code == 1
        assert f"{existing}: is a FITS file and stays as it is" in result.stderr
        assert digest(Path(existing)) == before
    assert files() == ["a.png", f"m_{NAMES[1]}.png"]


@pytest.mark.usefixtures("drawn")
def test_the_temporary_file_of_a_killed_run_is_removed(visit: Visit) -> None:
    Path(".m.pdf.x1y2z3.tmp").write_text("half a picture")
    create_masks(visit.paths, group="sci,1", plot="m.pdf")
    assert files() == [f"{NAMES[0]}_staticMask.fits", "m.pdf"]


def test_a_picture_that_cannot_be_written_leaves_the_masks_unwritten(visit: Visit) -> None:
    Path("text").write_text("no folder")
    result = run(*visit.paths, "--plot", "text/m.png")
    assert result.exit_code == 1
    assert "text" in result.stderr.splitlines()[-1]
    assert files() == ["text"]


@pytest.mark.usefixtures("drawn")
def test_masks_that_cannot_be_written_leave_the_picture_unwritten(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        msg = "full"
        raise OutputError(msg)

    monkeypatch.setattr("staticmask_cli.pipeline.write.write_masks", fail)
    Path("m.pdf").write_text("%PDF before")
    with pytest.raises(OutputError, match="full"):
        create_masks(visit.paths, plot="m.pdf")
    assert files() == ["m.pdf"]
    assert Path("m.pdf").read_text() == "%PDF before"


def test_create_masks_refuses_another_suffix() -> None:
    with pytest.raises(ConfigError, match=r"expected a name that ends with"):
        create_masks("nowhere_flt.fits", plot="m.gif")


def test_without_static_nothing_is_drawn(visit: Visit) -> None:
    assert run("--no-static", *visit.paths, "--plot", "m.png").exit_code == 0
    assert files() == []


def test_masks_by_the_local_rule_are_drawn_with_distances_from_the_local_sky(
    visit: Visit, drawn: list[Page]
) -> None:
    rule = ("--sky", "local", "--static-sig", "5", "--agree", "2", "--group", "sci,1")
    result = run(*visit.paths, *rule, "--plot", "m.pdf", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    (page,) = drawn
    assert page.mask.votes_needed == 2
    for member, (_, low, histogram, marked) in zip(page.mask.members, page.histograms, strict=True):
        assert low == member.below
        assert (histogram.mode, histogram.threshold) == (0.0, -5.0)
        assert histogram.tail.sum() + histogram.body.sum() > 0.98 * member.npix
        tail = histogram.tail.size
        assert 0.9 * page.mask.nbad < marked[:tail].sum() <= histogram.tail.sum()
        assert (marked <= [*histogram.tail, *histogram.body]).all()


def test_the_page_of_a_local_mask_on_disk_counts_low_pixels_and_names_no_threshold(
    visit: Visit
) -> None:
    (mask,) = create_masks(visit.paths, sky="local", static_sig=5, group="sci,1")
    plot_masks([str(mask.path)], "m.svg")
    text = Path("m.svg").read_text(encoding="utf-8")
    assert "below the local sky" in text
    assert "threshold" not in text
    assert "static_sig = 5, sky = local, agree = any" in text


def test_the_deepest_defects_are_cut_out_of_the_first_and_the_last_exposure(
    visit: Visit, drawn: list[Page]
) -> None:
    (mask,) = create_masks(visit.paths, group="sci,1", plot="m.png")
    cutouts = drawn[0].cutouts
    assert cutouts is not None
    assert cutouts.names == tuple(os.path.basename(visit.paths[index]) for index in (0, 3))
    assert cutouts.pixels.shape == (2, 12, 13, 13)
    assert mask.bad[cutouts.rows, cutouts.columns].all()
    depth = -cutouts.pixels[0, :, 6, 6]
    assert (np.diff(depth) <= 0).all()
    assert depth[-1] > 4


def test_inspect_opens_no_file_that_a_mask_names(visit: Visit, drawn: list[Page]) -> None:
    paths = [shutil.copy(path, ".") for path in visit.paths]
    (mask,) = create_masks(paths, group="sci,1")
    for path in paths:
        Path(path).unlink()
    assert run("inspect", str(mask.path), "--plot", "m.png").exit_code == 0
    assert (drawn[0].histograms, drawn[0].cutouts) == ((), None)


def test_the_paths_of_what_was_drawn_are_logged_unless_the_run_is_quiet(
    visit: Visit, drawn: list[Page]
) -> None:
    assert [f"m_{name}.png: drawn" in run(*visit.paths, "--plot", "m.png").stderr.splitlines()
            for name in NAMES] == [True, True]
    masks = sorted(map(str, Path().glob("*_staticMask.fits")))
    assert "i.pdf: drawn" in run("inspect", *masks, "--plot", "i.pdf").stderr.splitlines()
    assert run("inspect", *masks, "--plot", "i.pdf", "-q").stderr == ""
    assert len(drawn) == 8


def test_the_page_of_a_joint_mask_shows_its_evidence() -> None:
    joint_mask(known_depths()).write("j.fits")
    result = run("inspect", "j.fits", "--plot", "j.svg", "-q")
    assert (result.exit_code, result.stderr) == (0, "")
    text = Path("j.svg").read_text(encoding="utf-8")
    for words in ("mean depth", "9 exposures together", "Gaussian noise", "threshold: 8 low",
                  "joint evidence"):
        assert words in text


def test_a_run_with_joint_evidence_draws_it_too(visit: Visit, drawn: list[Page]) -> None:
    masks = create_masks(visit.paths, group="sci,1", sky="local", agree="joint", plot="m.png")
    assert [page.mask for page in drawn] == masks
    assert drawn[0].mask.evidence is not None
