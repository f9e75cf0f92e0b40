"""``~`` and ``$VAR`` mean the user's folders in every path of the user, and make none of that name.

These are inputs, files with parameters and results: on the command line, in a ``.cfg``, in Python.
"""

from pathlib import Path

import pytest

from staticmask_cli import Parameters, StaticMask, create_masks, staticMask
from staticmask_cli.cli import cli, options
from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.command import done, run

MASK = "ACSHRC_60x80_1_staticMask.fits"


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """Return a small visit in the folder of a user."""
    return simulate_visit(str(tmp_path_factory.mktemp("user") / "night"), exposures=2,
                          shape=(60, 80), camera="ACS/HRC")


@pytest.fixture
def home(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the home of the user, with the visit in `night`; the current folder is another."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "night").symlink_to(Path(visit.paths[0]).parent)
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("SCRATCH", str(home))
    monkeypatch.delenv("GONE", raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return home


@pytest.mark.parametrize("start", ["~", "${SCRATCH}"])  # and $SCRATCH in Python
@pytest.mark.usefixtures("drawn")
def test_all_paths_on_the_command_line_are_expanded(home: Path, start: str) -> None:
    result = done("create", f"{start}/night/*flt.fits", f"--output-dir={start}/masks",
                  f"--report={start}/r.json", f"--log-file={start}/log.txt",
                  f"--save-config={start}/run.cfg", f"--plot={start}/p.png")
    assert result.stdout == f"{home}/masks/{MASK}\n"
    assert {path.name for path in home.glob("[!.]*")} == {
        "night", "masks", "r.json", "log.txt", "run.cfg", "p.png"}
    assert f"input = {start}/night/*flt.fits" in (home / "run.cfg").read_text()
    again = done("create", "-q", "-c", f"{start}/run.cfg", "-o", f"{start}/again")
    assert (home / "again" / MASK).exists(), again.output
    done("config", "--check", f"{start}/run.cfg")
    done("config", "--save", f"{start}/saved.cfg")
    assert (home / "saved.cfg").exists()
    assert MASK in done("inspect", f"{start}/masks/*.fits").output
    assert f"{home}/masks/{MASK}" in done("plan", "-c", f"{start}/run.cfg",
                                          "-o", f"{start}/masks").output
    done("export", f"{start}/masks/*.fits", "--as", "flag", "-o", f"{start}/forms")
    done("create", "-q", "-c", f"{start}/run.cfg", "--include", f"{start}/forms/*_flag.fits",
         "-o", f"{start}/more", "--apply-to", f"{start}/copies")
    done("apply", f"{start}/masks/*.fits", "--to", f"{start}/night/*flt.fits",
         "-o", f"{start}/copies2")
    assert {path.name for path in home.glob("[fmc]*/")} == {
        "forms", "masks", "more", "copies", "copies2"}
    done("demo", f"{start}/demo", "--exposures", "1", "-q")
    assert list(Path().iterdir()) == []


@pytest.mark.usefixtures("drawn")
def test_all_paths_in_python_are_expanded(home: Path) -> None:
    (mask,) = create_masks("~/night/*flt.fits", output_dir=Path("~/masks"), plot="$SCRATCH/p.png")
    assert mask.path == f"{home}/masks/{MASK}"
    assert (home / "p.png").exists()
    mask.write("~/copy.fits")
    assert StaticMask.read("$SCRATCH/copy.fits").nbad == mask.nbad
    Parameters.load(None, {"input": "~/night/*flt.fits"}).save("~/run.cfg")
    assert Parameters.load("~/run.cfg").input == ("~/night/*flt.fits",)
    staticMask.help(file="~/help.txt")
    assert (home / "help.txt").exists()
    assert list(Path().iterdir()) == []
    for made in (staticMask.createMask("~/night/*flt.fits"), staticMask.run("~/run.cfg")):
        assert [mask.path for mask in made] == [MASK]


@pytest.mark.parametrize("option", ["-o", "--report", "--log-file", "--plot", "--save-config"])
def test_no_result_is_written_below_a_variable_that_is_not_set(home: Path, option: str) -> None:
    result = run("create", f"{home}/night/*flt.fits", option, "$GONE/x.png", code=2)
    assert result.stderr == "Error: $GONE/x.png: the environment variable GONE is not set\n"
    assert list(Path().iterdir()) == []


def test_every_option_that_names_a_file_or_folder_is_expanded() -> None:
    paths = [option for command in cli.commands.values() for option in command.params
             if getattr(option, "metavar", None) in {"FILE", "FOLDER"}
             and not option.multiple]  # of which each is a wildcard, expanded where it is read
    assert len(paths) > 15
    unexpanded = [option.name for option in paths
                  if option.callback not in {options.input_path, options.result_path}]
    assert unexpanded == []
