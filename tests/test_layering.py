"""Which module may import what: imports only go downward, and libraries stay in their places."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import staticmask_cli

# From top to bottom. A module imports only from the rows below its own, never from its own row.
LAYERS = (
    ("__main__",),
    ("cli",),
    ("cli.create", "cli.plan", "cli.inspect", "cli.config", "cli.demo"),
    ("cli.options", "cli.loading"),
    ("cli.topics",),
    ("console", "staticMask", "demonstration", "planview", "maskview", "makerules"),
    ("pipeline", "editing", "forecast", "findings", "tables", "progress"),
    ("freshness", "report", "growth", "combining"),
    ("pictures", "form", "batches", "scheduler", "standing"),
    ("sameness",),
    ("fields",),
    ("plan",),
    ("imagemasks", "headers", "daskpool", "chippixels"),
    ("config", "inputs", "exposure", "maskfile", "simulate", "chiprows", "plots"),
    ("plotpage",),
    ("mask", "dqsource", "cameras", "cfgfile", "associations", "parameterspec", "memberstable",
     "duplicates"),
    ("clipping", "localsky", "member", "agreement", "dqbits", "files", "streams", "fitsfile",
     "instruments", "inspection", "jsonform", "checksums", "engine", "origin",
     "reduction"),
    ("rawpixels", "hdufacts", "histogram", "survey", "lines", "surface", "prediction", "signature",
     "clusters", "skyhistogram", "bands", "farbelow"),
    ("linesigns", "plainhdus", "newhdus"),
    ("fitsbounds", "plainheader"),
    ("fitscards", "neighbours", "outside", "noise", "medianfilter", "inflation", "places"),
    ("pixelset", "pixels"),
    ("workspace", "packing", "sums"),
    ("remote",),
    ("remotelists",),
    ("remotefs",),
    ("remotefaults", "rangefile"),
    ("errors", "urls", "preload", "late"),
)
# Libraries that only some modules know; a package stands for its modules too.
PLACES = {
    "click": ("cli", "streams"),
    "rich": ("cli", "console", "tables", "progress", "planview", "maskview"),
    "configobj": ("cfgfile", "parameterspec"),
    "textual": ("form",),
    "matplotlib": ("plots", "plotpage"),
    "astropy.io.fits": ("late", "simulate", "imagemasks"),
    "staticmask_cli.late": ("fitsfile", "hdufacts", "rawpixels", "exposure"),
    "fsspec": ("remotefs",),
    "distributed": ("daskpool", "scheduler"),
}
# Modules that know nothing but the standard library and what is listed.
PURE = {
    "clipping": ("numpy", "staticmask_cli.errors", "staticmask_cli.histogram",
                 "staticmask_cli.pixels", "staticmask_cli.pixelset", "staticmask_cli.survey"),
    "histogram": ("numpy", "staticmask_cli.errors", "staticmask_cli.workspace"),
    "survey": ("numpy", "staticmask_cli.outside", "staticmask_cli.pixels", "staticmask_cli.sums",
               "staticmask_cli.workspace"),
    "outside": ("numpy", "staticmask_cli.pixels", "staticmask_cli.pixelset",
                "staticmask_cli.workspace"),
    "pixels": ("numpy", "staticmask_cli.workspace"),
    "pixelset": ("numpy", "staticmask_cli.packing"),
    "packing": ("numpy",),
    "sums": ("numpy",),
    "skyhistogram": ("numpy",),
    "workspace": ("numpy",),
    "plainheader": ("staticmask_cli.fitscards",),
    "fitscards": (),
    "newhdus": ("numpy", "staticmask_cli.fitscards"),
    "clusters": ("numpy",),
    "inspection": ("numpy", "staticmask_cli.clusters"),
    "member": ("staticmask_cli.urls",),
    "agreement": (),
    "localsky": ("numpy", "staticmask_cli.bands", "staticmask_cli.farbelow", "staticmask_cli.lines",
                 "staticmask_cli.linesigns", "staticmask_cli.medianfilter",
                 "staticmask_cli.neighbours", "staticmask_cli.noise",
                 "staticmask_cli.prediction", "staticmask_cli.surface"),
    "bands": ("numpy", "staticmask_cli.medianfilter", "staticmask_cli.neighbours",
              "staticmask_cli.workspace"),
    "farbelow": ("numpy", "staticmask_cli.medianfilter", "staticmask_cli.workspace"),
    "linesigns": ("numpy", "staticmask_cli.medianfilter", "staticmask_cli.neighbours",
                  "staticmask_cli.workspace"),
    "lines": ("numpy", "staticmask_cli.linesigns", "staticmask_cli.noise"),
    "surface": ("numpy", "staticmask_cli.medianfilter", "staticmask_cli.neighbours"),
    "prediction": ("numpy", "staticmask_cli.neighbours", "staticmask_cli.noise"),
    "neighbours": ("numpy",),
    "noise": ("numpy",),
    "medianfilter": ("numpy", "staticmask_cli.workspace"),
}
# Modules that may name their siblings in annotations.
ANNOTATES_SIBLINGS = ("console", "planview", "maskview")

RANK = {module: number for number, row in enumerate(LAYERS) for module in row}
FOLDER = Path(staticmask_cli.__file__).parent
SOURCES = {
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(FOLDER.rglob("*.py"))
    if path != FOLDER / "__init__.py"
}


def _imports(source: str, *, annotations: bool) -> Iterator[str]:
    """Yield the dotted names a module imports, wherever in it that happens."""
    tree = ast.parse(source)
    guarded = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for statement in test.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if not annotations and node in guarded:
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
    return next((head for head in heads if head in RANK), name)


def violations(module: str, source: str) -> list[str]:
    """List the imports of a module that the tables do not allow."""
    wrong = []
    for name in _imports(source, annotations=module not in ANNOTATES_SIBLINGS):
        if name.startswith("."):
            wrong.append(f"{name} is relative")
        elif _within(name, ("staticmask_cli",)):
            target = _target(name)
            if name != "staticmask_cli.__version__" and RANK.get(target, -1) <= RANK[module]:
                wrong.append(f"{target} is not below it")
        wrong += [
            f"{name} has no place there"
            for library, places in PLACES.items()
            if _within(name, (library,)) and not _within(module, places)
        ]
        if module in PURE and not _within(name, PURE[module]):
            wrong += [name] if name.partition(".")[0] not in sys.stdlib_module_names else []
    return wrong


def test_every_module_has_a_layer_and_only_one() -> None:
    assert sorted(SOURCES.keys() - RANK.keys()) == []
    assert len(RANK) == sum(map(len, LAYERS))


@pytest.mark.parametrize("module", sorted(SOURCES.keys() & RANK.keys()))
def test_imports_only_go_downward_and_libraries_stay_in_their_places(module: str) -> None:
    assert violations(module, SOURCES[module].read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "source", "found"),
    [
        ("mask", "from staticmask_cli.config import Parameters", "config is not below it"),
        ("mask", "def f():\n    import staticmask_cli.config", "config is not below it"),
        ("inputs", "from staticmask_cli import exposure", "exposure is not below it"),
        ("inputs", "if TYPE_CHECKING:\n    from staticmask_cli.exposure import Chip",
         "exposure is not below it"),
        ("cli.create", "from staticmask_cli.cli.demo import demo", "cli.demo is not below it"),
        ("mask", "from staticmask_cli import create_masks",
         "staticmask_cli.create_masks is not below it"),
        ("mask", "from . import errors", "..errors is relative"),
        ("demonstration", "import click", "click has no place there"),
        ("pipeline", "from rich.table import Table", "rich.table.Table has no place there"),
        ("editing", "def f():\n    import textual", "textual has no place there"),
        ("plan", "from astropy.io import fits", "astropy.io.fits has no place there"),
        ("histogram", "import scipy.stats", "scipy.stats"),
    ],
)
def test_a_forbidden_import_is_found(module: str, source: str, found: str) -> None:
    assert violations(module, source) == [found]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("mask", "from staticmask_cli import __version__, errors\nimport numpy, math"),
        ("cli.create", "import click\nfrom staticmask_cli.cli import options"),
        ("console",
         "if TYPE_CHECKING:\n    from staticmask_cli.demonstration import Demonstration"),
        ("clipping", "import math, numpy.typing\nfrom staticmask_cli.histogram import Histogram"),
    ],
)
def test_an_allowed_import_passes(module: str, source: str) -> None:
    assert violations(module, source) == []
