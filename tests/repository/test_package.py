"""The package as a whole: its public names, and modules that can each be imported."""

import importlib

import pytest

import staticmask_cli
from tests.support.process import FOLDER


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


def test_every_module_has_a_docstring_and_can_be_imported() -> None:
    for path in sorted(FOLDER.rglob("*.py")):
        parts = path.relative_to(FOLDER.parent).with_suffix("").parts
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        assert module.__doc__, path
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), (path, name)
