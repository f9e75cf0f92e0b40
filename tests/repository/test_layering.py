"""Which package may import which: imports only go downward, and libraries stay in their places."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import staticmask_cli

# From top to bottom: each package, or module beside them, and those that it may import.
ARROWS = {
    "cli": ("terminal", "simulate", "pipeline", "apply", "plots", "reports", "forms", "config",
            "parallel", "io"),
    "terminal": ("io",),
    "simulate": ("pipeline", "masks", "fits", "io"),
    "staticMask": ("_astrodrizzle", "_imageobjects", "pipeline", "config", "masks", "io"),
    "_astrodrizzle": ("_imageobjects", "pipeline", "exposures", "config", "masks", "io"),
    "_imageobjects": ("exposures", "config", "masks", "fits"),
    "pipeline": ("plots", "reports", "forms", "exposures", "config", "masks", "parallel",
                 "fits", "io"),
    "apply": ("exposures", "masks", "parallel", "fits", "io"),
    "plots": ("exposures", "masks", "parallel", "localsky", "stats", "fits", "io"),
    "reports": ("config", "masks", "fits", "io"),
    "forms": ("exposures", "masks", "fits", "io"),
    "config": ("masks", "io"),
    "exposures": ("masks", "parallel", "fits", "io", "stats"),
    "masks": ("localsky", "parallel", "stats", "fits", "io"),
    "localsky": ("stats",),
    "fits": ("io",),
    "io": (),
    "parallel": ("io",),
    "stats": (),
}
# Methods of objects in a notebook, which import what they need when they are called.
UPWARD = {"masks.static_mask": ("plots.bad_pixels",)}
EVERYWHERE = ("errors", "_version")  # which import nothing of ours
# What a package shows to people it may name in annotations, but not call.
ANNOTATIONS = {"terminal": ("pipeline", "reports", "config", "masks")}
# Libraries that only some modules know; a package stands for its modules too.
LIBRARIES = {
    "click": ("cli", "terminal"),
    "rich": ("terminal",),
    "configobj": ("config.cfgfile", "config.cfg_syntax"),
    "textual": ("config.form",),
    "matplotlib": ("plots",),
    "astropy.io.fits": ("fits.header", "_imageobjects", "_astrodrizzle"),
    "astropy.nddata.bitmask": ("masks.bitmask",),
    "fsspec": ("io.remote",),
    "distributed": ("parallel.dask_cluster", "parallel.dask_executor"),
}
NUMPY_ALONE = ("stats", "localsky")

FOLDER = Path(staticmask_cli.__file__).parent
SOURCES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(FOLDER.rglob("*.py"))
    if path.parent != FOLDER or path.stem not in ("__init__", "__main__")
}


_tree = cache(ast.parse)


def _imports(source: str, *, annotations: bool) -> Iterator[str]:
    """Yield the dotted names a module imports, wherever in it that happens."""
    tree = _tree(source)
    guarded = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for statement in test.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if (node in guarded) != annotations:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            yield from (f"{start}.{alias.name}" for alias in node.names)


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for package in packages)


def _target(name: str) -> str:
    """Find the module of ours that an import reads from, by the longest name that fits."""
    parts = name.removeprefix("staticmask_cli.").split(".")
    heads = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((head for head in heads if head in SOURCES), parts[0])


def _is_allowed(package: str, target: str, *, annotation: bool) -> bool:
    allowed = (package, *ARROWS.get(package, ()), *EVERYWHERE)
    if annotation:
        allowed += ANNOTATIONS.get(package, ())
    return target.partition(".")[0] in allowed


def violations(module: str, source: str) -> list[str]:
    """List the imports of a module that the tables do not allow."""
    wrong = []
    package = module.partition(".")[0]
    for annotation in (False, True):
        for name in _imports(source, annotations=annotation):
            if name.startswith("."):
                wrong.append(f"{name} is relative")
            elif _within(name, ("staticmask_cli",)):
                target = _target(name)
                if target not in UPWARD.get(module, ()) and not _is_allowed(
                        package, target, annotation=annotation):
                    wrong.append(f"{target} is not allowed")
            elif not annotation and package in NUMPY_ALONE:
                root = name.partition(".")[0]
                if root != "numpy" and root not in sys.stdlib_module_names:
                    wrong.append(f"{name} is not numpy")
            wrong += [
                f"{name} has no place there"
                for library, places in LIBRARIES.items()
                if not annotation and _within(name, (library,)) and not _within(module, places)
            ]
    return wrong


def circle_among(sources: dict[str, str]) -> list[str]:
    """Name modules that import each other in a circle, at run time; none if there is no circle."""
    graph = {
        module: {
            target
            for name in _imports(source, annotations=False)
            if _within(name, ("staticmask_cli",)) and (target := _target(name)) in sources
        } - {module}
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_every_module_lies_in_a_package_of_the_table() -> None:
    assert {module.partition(".")[0] for module in SOURCES} == {*ARROWS, *EVERYWHERE}


def test_a_package_imports_only_what_the_table_allows() -> None:
    wrong = {
        module: violations(module, path.read_text(encoding="utf-8"))
        for module, path in SOURCES.items()
    }
    assert {module: found for module, found in wrong.items() if found} == {}


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle_among({
        module: path.read_text(encoding="utf-8") for module, path in SOURCES.items()
    }) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("masks.a", "from staticmask_cli.config.form import x", "config.form is not allowed"),
        ("masks.a", "def f():\n    import staticmask_cli.config", "config is not allowed"),
        ("config.a", "if TYPE_CHECKING:\n    from staticmask_cli.pipeline.create import x",
         "pipeline.create is not allowed"),
        ("masks.a", "from staticmask_cli import create_masks", "create_masks is not allowed"),
        ("masks.a", "from staticmask_cli.plots.bad_pixels import x",
         "plots.bad_pixels is not allowed"),
        ("masks.a", "from . import errors", "..errors is relative"),
        ("simulate.demo", "import click", "click has no place there"),
        ("pipeline.create", "from rich.table import Table", "rich.table.Table has no place there"),
        ("config.editor", "def f():\n    import textual", "textual has no place there"),
        ("pipeline.plan", "from astropy.io import fits", "astropy.io.fits has no place there"),
        ("stats.histogram", "import scipy.stats", "scipy.stats is not numpy"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str, found: str) -> None:
    assert violations(module, source) == [found]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("masks.a", "from staticmask_cli import errors\nimport numpy, math"),
        ("cli.create", "import click\nfrom staticmask_cli.cli import options"),
        ("terminal.console", "if TYPE_CHECKING:\n    from staticmask_cli.masks import a"),
        ("stats.clipping", "import math, numpy.typing\nfrom staticmask_cli.stats import blocks"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_a_circle_is_found() -> None:
    first, second = sorted(SOURCES)[:2]
    sources = {
        first: f"from staticmask_cli.{second} import a",
        second: f"def f():\n    from staticmask_cli.{first} import b",
    }
    assert set(circle_among(sources)) == {first, second}
