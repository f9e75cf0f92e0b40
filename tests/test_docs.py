"""The documents say what the code does."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from staticmask_cli.cli import cli
from staticmask_cli.cli.create import create
from staticmask_cli.config import Parameters
from staticmask_cli.instruments import instrument_of
from staticmask_cli.simulate import CAMERAS, Camera
from tests.test_all_instruments import NAMES

ROOT = Path(__file__).parent.parent
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
    table = README.split("<!-- instruments: checked by tests/test_docs.py -->\n")[1]
    rows = table.split("<!-- end of instruments -->")[0].splitlines()
    assert rows == [
        "| instrument | masks, before `_staticMask.fits` | number | DQ flags | files |",
        "|---|---|---|---|---|",
        *(instrument_row(name, camera) for name, camera in CAMERAS.items()),
    ]


def test_the_readme_begins_with_setting_up_and_testing() -> None:
    first, second = console_blocks()[:2]
    assert "staticmask 'demo/*flt.fits' --static-sig 4" in first
    assert "pytest" in second
    assert first.count("\n") == second.count("\n") == 1


def test_every_command_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(commands()) >= 5
    for words in commands():
        assert words[0] == "staticmask"
        result = CliRunner().invoke(cli, words[1:], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        assert result.stdout.count("_staticMask.fits\n") == 2


def test_the_readme_shows_the_table_that_the_demonstration_prints(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["demo", str(tmp_path)], catch_exceptions=False)
    shown = re.findall(r"ACSWFC_400x500_\d +\d.*", README)
    printed = re.findall(r"ACSWFC_400x500_\d +\d.*", result.stderr)
    assert [line.split() for line in shown] == [line.split() for line in printed]
    assert len(shown) == 2


def test_every_parameter_is_documented_with_its_option_and_default() -> None:
    parameters = Parameters.load()
    options = {option.name: option.opts for option in create.params}
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", README, flags=re.MULTILINE))
    assert set(rows) == {"input", "static", "static_sig", "sky", "agree", "final_bits", "group"}
    for name, row in rows.items():
        option, default = (cell.strip().strip("`") for cell in row.split("|")[:2])
        if name == "input":
            continue
        assert option.split("/")[0] in options[name]
        value = getattr(parameters, name)
        assert default == str(None if value == () else value)


@pytest.mark.parametrize("command", ["create", "demo"])
def test_every_command_has_help_with_examples_in_80_columns(command: str) -> None:
    result = CliRunner().invoke(cli, [command, "--help"], catch_exceptions=False)
    assert "Examples:" in result.stdout
    assert result.stdout.count("\n    staticmask ") == 2
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
