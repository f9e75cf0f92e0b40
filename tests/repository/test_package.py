"""The package as a whole: what it offers, and what it does not load."""

import ast
import importlib
import json
from pathlib import Path

import pytest

import staticmask_cli
from staticmask_cli.simulate.visit import Visit
from tests.support.process import FOLDER, run_python

HEAVY = {"numpy", "astropy", "rich", "configobj", "textual", "matplotlib"}


@pytest.mark.parametrize(
    "code",
    [
        "import staticmask_cli",
        "from staticmask_cli.cli import cli; cli(['--help'])",
        "from staticmask_cli.cli import cli; cli(['create', '--help'])",
        "from staticmask_cli.cli import cli; cli(['plan', '--help'])",
        "from staticmask_cli.cli import cli; cli(['inspect', '--help'])",
        "from staticmask_cli.cli import cli; cli(['config', '--help'])",
        "from staticmask_cli.cli import cli; cli(['--version'])",
    ],
)
def test_heavy_libraries_are_not_loaded_before_they_are_needed(code: str, tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        f"try:\n    {code}\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    process = run_python("-c", script, cwd=tmp_path)
    loaded = set(json.loads(process.stderr))
    assert "staticmask_cli" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("words", [["create"], ["create", "--agree", "2"], ["plan"]])
def test_exposures_of_a_telescope_are_made_into_masks_without_astropy(
    words: list[str], visit: Visit, tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from staticmask_cli.cli import cli\n"
        f"cli([*{words}, *{visit.paths}, '-o', {str(tmp_path)!r}], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('astropy')], file=sys.stderr)"
    )
    process = run_python("-c", script, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr.splitlines()[-1] == "[]"
    assert len(list(tmp_path.glob("*_staticMask.fits"))) == (2 if "create" in words else 0)


@pytest.mark.parametrize("name", staticmask_cli.__all__)
def test_every_public_name_resolves_to_its_object(name: str) -> None:
    found = getattr(staticmask_cli, name)
    assert getattr(found, "__name__", "__version__") == name


def test_dir_lists_the_public_names() -> None:
    assert dir(staticmask_cli) == sorted(staticmask_cli.__all__)


def test_the_public_names_of_the_contract_are_there() -> None:
    promised = {"create_masks", "chip_statistics", "ChipStatistics", "StaticMask", "Signature",
                "Parameters", "StaticMaskError"}
    assert promised <= set(staticmask_cli.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'staticmask_cli' has no attribute 'create_mask'"):
        _ = staticmask_cli.create_mask


def test_the_package_is_marked_as_typed() -> None:
    assert (FOLDER / "py.typed").is_file()


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.py")), ids=lambda path: path.stem)
def test_every_module_has_a_docstring_and_can_be_imported(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring
    parts = path.relative_to(FOLDER.parent).with_suffix("").parts
    module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
    for name in getattr(module, "__all__", ()):
        assert hasattr(module, name)
