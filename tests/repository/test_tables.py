"""The tables of the documents have what the code has."""

import re
from dataclasses import fields

from staticmask_cli.cli import cli
from staticmask_cli.cli.create import create
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.masks.causes import CAUSES, DESCRIPTIONS
from staticmask_cli.simulate.visit import CAMERAS, Camera
from tests.support.mask_names import NAMES
from tests.support.pages import README, ROOT, Page, exists, marked_names, section, table


def topic(name: str) -> str:
    return Page(f"examples/{name}/README.md").text


def missing() -> set[str]:
    """Return the commands and parameters that a mark in the documents names, and that are not."""
    names = {name for names in marked_names() for name in names if not exists(name)}
    return {name.lstrip("-").replace("-", "_") for name in names}


def where_dq_is(camera: Camera) -> str:
    if camera.plain:
        return "none"
    return f"companion `_{camera.suffix.replace('0', '1')}`" if camera.companion else "`DQ,n`"


def instrument_row(name: str, camera: Camera) -> list[str]:
    masks = ", ".join(f"`{mask.format('NYxNX')}`" for mask in NAMES[name])
    number = instrument_of(str(camera.primary["INSTRUME"])).number_key
    return [name, masks, number, where_dq_is(camera), f"`_{camera.suffix}.fits`"]


def test_the_table_of_instruments_is_the_tests_own_list() -> None:
    rows = table(section(topic("instruments"), "Instruments"))
    assert rows == [instrument_row(name, camera) for name, camera in CAMERAS.items()]


def test_every_fault_names_a_test_that_exists() -> None:
    rows = table(section(topic("faults"), "What happens when…"))
    assert len(rows) > 20
    for row in rows:
        found = re.fullmatch(r"`([\w/]+\.py)::(test_\w+)`", row[-1])
        assert found, row
        code = (ROOT / "tests" / found[1]).read_text(encoding="utf-8")
        assert f"\ndef {found[2]}(" in code, row


def test_the_table_of_commands_has_them_all_with_options_they_have() -> None:
    rows = {name.strip("`"): " ".join(cells)
            for name, *cells in table(section(topic("parameters"), "Commands"))}
    assert [name for name in rows if name not in missing()] == list(cli.commands)
    for name in cli.commands:
        row = rows[name]
        options = {word for option in cli.commands[name].params for word in option.opts}
        assert set(re.findall(r"`(--[\w-]+)", row)) <= options


def test_every_parameter_is_documented_with_its_option_and_default() -> None:
    parameters = Parameters.load()
    options = {option.name: option.opts for option in create.params}
    rows = {row[0].strip("`"): row for row in table(section(topic("parameters"), "Parameters"))}
    names = {field.name for field in fields(Parameters)}
    assert {"static_sig", "sky", "agree"} < names
    assert set(rows) - missing() == names
    short = table(section(README.text, "Parameters"))
    assert len(short) > 7
    assert [row[:3] for row in short] == [rows[row[0].strip("`")][:3] for row in short]
    for name in names - {"input"}:
        _, option, default, _ = rows[name]
        assert option.strip("`").split("/")[0] in options[name]
        value = getattr(parameters, name)
        assert default.strip("`") == str(None if value == () else value)


def test_the_causes_are_documented_with_their_bits() -> None:
    rows = table(section(topic("maskfile"), "The image `WHY`"))
    assert rows == [[str(bit), name, DESCRIPTIONS[name]] for name, bit in CAUSES.items()]


def test_the_figures_of_the_rules_are_those_of_the_page_on_the_method() -> None:
    method = topic("method")
    found = {row[0]: row[1:] for row in table(section(method, "Which low pixels are found"))}
    rows = table(section(method, "How shallow a pixel can be"))
    depth = {row[0]: row[2:4] for row in rows if row[1] == "16"}
    measured = section(README.text, "Which rule should I use?").split("The table was measured")[1]
    rows = table(measured)
    assert {row[0] for row in rows} == set(depth)
    for scene, *cells in rows:
        parts = found[scene]
        pairs = [f"{parts[n]} ({parts[n + 1]})" for n in (0, 2, 4)]
        joint, votes = (re.sub(r", \S+", "", cell) for cell in depth[scene])
        assert cells == [*pairs, votes, joint]


def test_the_map_of_the_code_names_modules_that_exist() -> None:
    maps = section(Page("CONTRIBUTING.md").text, "Finding your way in the code")
    short = section(README.text, "Finding your way in the code")
    assert short.count("\n") <= 11
    for text, fewest in ((maps, 15), (short, 7)):
        paths = re.findall(r"`([\w/]+(?:\.py|/))`", text)
        assert len(paths) > fewest
        for path in paths:
            folders = (ROOT / "staticmask_cli", ROOT, ROOT / "tests")
            assert any((folder / path).exists() for folder in folders), path
    folders_of_code = [path.parent.name for path in (ROOT / "staticmask_cli").glob("*/__init__.py")]
    assert len(folders_of_code) > 15
    assert [name for name in folders_of_code if f"{name}/" not in maps] == []
    package = (ROOT / "staticmask_cli" / "__init__.py").read_text(encoding="utf-8")
    modules = re.findall(r"`(\w+(?:\.\w+)?)`", package.split('"""')[1])
    assert len(modules) > 15
    for module in modules:
        path = ROOT / "staticmask_cli" / module.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), module
