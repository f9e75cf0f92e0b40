"""The documents say what the code does."""

import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from staticmask_cli.cli import cli
from staticmask_cli.cli.create import create
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.simulate.visit import CAMERAS, Camera, simulate_visit
from tests.support.command import done
from tests.support.mask_names import NAMES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def console_blocks() -> list[str]:
    return re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """Every command of the README, but for those that set things up."""
    lines = "".join(console_blocks()[2:]).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line]


def where_dq_is(camera: Camera) -> str:
    if camera.plain:
        return "none"
    return f"companion `_{camera.suffix.replace('0', '1')}`" if camera.companion else "`DQ,n`"


def instrument_row(name: str, camera: Camera) -> str:
    masks = ", ".join(f"`{mask.format('NYxNX')}`" for mask in NAMES[name])
    number = instrument_of(str(camera.primary["INSTRUME"])).number_key
    cells = (name, masks, number, where_dq_is(camera), f"`_{camera.suffix}.fits`")
    return f"| {' | '.join(cells)} |"


def test_the_table_of_instruments_is_the_tests_own_list() -> None:
    table = README.split("<!-- instruments: checked by tests/repository/test_docs.py -->\n")[1]
    rows = table.split("<!-- end of instruments -->")[0].splitlines()
    assert rows == [
        "| instrument | masks, before `_staticMask.fits` | number | DQ flags | files |",
        "|---|---|---|---|---|",
        *(instrument_row(name, camera) for name, camera in CAMERAS.items()),
    ]


def test_every_fault_of_the_readme_names_a_test_that_exists() -> None:
    table = README.split("## What happens when…\n")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        found = re.search(r" `([\w/]+\.py)::(test_\w+)` \|$", row)
        assert found, row
        code = (ROOT / "tests" / found[1]).read_text(encoding="utf-8")
        assert f"\ndef {found[2]}(" in code, row


def test_the_readme_begins_with_setting_up_and_testing() -> None:
    first, second = console_blocks()[:2]
    assert "staticmask 'demo/*flt.fits' --static-sig 4" in first
    assert "pytest" in second
    assert first.count("\n") == second.count("\n") == 1


def test_every_command_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate_visit(str(tmp_path), shape=(400, 500))
    monkeypatch.chdir(tmp_path)
    assert {"plan", "inspect", "config"} < {words[1] for words in commands()}
    for words in commands():
        assert words[0] == "staticmask"
        result = done(*words[1:])
        if words[1] not in cli.commands:
            paths = result.stdout.splitlines()
            assert paths
            assert all(Path(path).is_file() for path in paths)
        for option, name in pairwise(words):
            if option in ("--save-config", "--save", "--plot", "--report"):
                assert list(Path().glob(name.replace(".", "*.")))


def test_the_table_of_commands_has_them_all_with_options_they_have() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", README.split("All commands;")[1]
                           .split("\n\nThe Tab")[0], flags=re.MULTILINE))
    assert list(rows) == list(cli.commands)
    for name, row in rows.items():
        options = {word for option in cli.commands[name].params for word in option.opts}
        assert set(re.findall(r"`(--\w+)", row)) <= options


def test_every_python_block_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    assert len(blocks) >= 3
    simulate_visit(str(tmp_path), shape=(150, 220))
    monkeypatch.chdir(tmp_path)
    for block in blocks:
        for mask in tmp_path.glob("*_staticMask.fits"):
            mask.unlink()
        exec(block, {})  # noqa: S102 - the README is ours
        assert list(tmp_path.glob("*_staticMask.fits"))


def test_every_extra_of_the_readme_can_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = re.findall(r"pip install (?:-q )?(?:-e )?'\.\[([\w,]+)\]'", README)
    wanted = {extra for extras in named for extra in extras.split(",")}
    assert {"gui", "plot", "test"} <= wanted <= set(project["optional-dependencies"])
    bound = re.search(r"takes Python ([\d.]+) or newer", README)
    assert bound is not None
    assert project["requires-python"] == f">={bound[1]}"


def test_links_and_pictures_of_the_readme_are_there() -> None:
    places = re.findall(r"\]\(([^)]+)\)", README)
    titles = re.findall(r"^#+ (.*)$", README, flags=re.MULTILINE)
    anchors = {"#" + title.lower().replace(" ", "-").replace("'", "") for title in titles}
    for place in places:
        assert place in anchors or place.startswith("https://") or (ROOT / place).exists(), place


def test_the_readme_shows_the_table_that_the_demonstration_prints(tmp_path: Path) -> None:
    result = done("demo", tmp_path)
    shown = re.findall(r"ACSWFC_400x500_\d +\d.*", README)
    printed = re.findall(r"ACSWFC_400x500_\d +\d.*", result.stderr)
    assert [line.split() for line in shown] == [line.split() for line in printed]
    assert len(shown) == 2


def test_every_parameter_is_documented_with_its_option_and_default() -> None:
    parameters = Parameters.load()
    options = {option.name: option.opts for option in create.params}
    section = README.split("## Parameters\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section, flags=re.MULTILINE))
    assert set(rows) == {
        "input", "static", "static_sig", "sky", "agree", "final_bits", "group", "include",
        "include_bad"}
    for name, row in rows.items():
        option, default = (cell.strip().strip("`") for cell in row.split("|")[:2])
        if name == "input":
            continue
        assert option.split("/")[0] in options[name]
        value = getattr(parameters, name)
        assert default == str(None if value == () else value)


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_has_help_with_examples_in_80_columns(command: str) -> None:
    result = done(command, "--help")
    assert "Examples:" in result.stdout
    assert result.stdout.count("\n    staticmask ") == 2
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_map_of_the_code_names_modules_that_exist() -> None:
    table = README.split("## Finding your way in the code\n")[1].split("\n## ")[0]
    paths = re.findall(r"`([\w/]+(?:\.py|/))`", "\n".join(
        line for line in table.splitlines() if line.startswith("| ")
    ))
    assert len(paths) > 15
    for path in paths:
        assert (ROOT / "staticmask_cli" / path).exists() or (ROOT / path).exists(), path
    package = (ROOT / "staticmask_cli" / "__init__.py").read_text(encoding="utf-8")
    modules = re.findall(r"`(\w+(?:\.\w+)?)`", package.split('"""')[1])
    assert len(modules) > 15
    for module in modules:
        path = ROOT / "staticmask_cli" / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), module
