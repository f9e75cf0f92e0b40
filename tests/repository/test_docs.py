"""The commands, Python blocks and links of the documents work."""

import re
import shutil
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from staticmask_cli.cli import cli
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.command import done
from tests.support.pages import (
    PAGES,
    README,
    ROOT,
    Page,
    commands_in,
    exists,
    expanded,
    marked_names,
)

TITLE_OF_BENCHMARK = re.compile(r"python -m (tests\.bench\.\w+)([^\n`]*)")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the exposures of ``staticmask demo``, which is not changed."""
    folder = tmp_path_factory.mktemp("demo")
    simulate_visit(str(folder), shape=(400, 500))
    return folder


@pytest.fixture
def visit(demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which has copies of the exposures of ``staticmask demo``."""
    shutil.copytree(demo, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pages_with(*languages: str) -> list[Page]:
    return [page for page in PAGES if page.blocks(*languages)]


def console_commands(page: Page) -> list[list[str]]:
    """Return the commands that can be run, but for those that set things up."""
    blocks = page.blocks("console")[2:] if page == README else page.blocks("console")
    return [words for block in blocks if all(map(exists, block.needs))
            for words in commands_in(block)]


def test_the_readme_begins_with_setting_up_and_testing() -> None:
    first, second = README.blocks("console", "sh", "python", "text")[:2]
    assert "staticmask 'demo/*flt.fits' --static-sig 4" in first.text
    assert "pytest" in second.text
    assert first.text.count("\n") == second.text.count("\n") == 1


def test_the_readme_can_be_read_in_five_minutes() -> None:
    assert len(README.text) <= 10_300


@pytest.mark.parametrize("page", pages_with("console"), ids=str)
def test_every_command_of_a_document_runs(
    page: Page, visit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("files", "history"):  # pictures of few dots take less time
        monkeypatch.setattr(f"staticmask_cli.plots.{module}._DPI", 40)
    commands = console_commands(page)
    assert commands
    for words in commands:
        before = {path: path.stat().st_mtime_ns for path in visit.rglob("*.fits")}
        result = done(*expanded(words)[1:])
        if words[1] not in cli.commands:
            paths = result.stdout.splitlines()
            assert paths
            assert all(Path(path).is_file() for path in paths)
        for option, name in pairwise(words):
            if option in ("--save-config", "--save", "--plot", "--report"):
                assert list(Path().glob(name.replace(".", "*.")))
        for path in visit.glob("*_flt.fits"):
            assert path.stat().st_mtime_ns == before[path]


def test_the_documents_run_the_commands_that_users_need_first() -> None:
    run = {words[1] for page in PAGES for words in console_commands(page)}
    assert {"plan", "inspect", "config"} < run


@pytest.mark.parametrize("page", pages_with("sh", "console"), ids=str)
def test_every_command_of_a_document_has_words_that_are_understood(page: Page) -> None:
    for block in page.blocks("sh", "console"):
        for words in commands_in(block) * all(map(exists, block.needs)):
            name, *rest = words[1:]
            if name not in cli.commands:
                name, rest = "create", words[1:]
            cli.commands[name].make_context(name, expanded(rest), **cli.context_settings)


@pytest.mark.parametrize("page", pages_with("python"), ids=str)
@pytest.mark.usefixtures("visit")
def test_every_python_block_of_a_document_runs(page: Page) -> None:
    for block in page.blocks("python"):
        if not all(map(exists, block.needs)):
            continue
        for mask in Path().glob("*_staticMask.fits"):
            mask.unlink()
        exec(block.text, {})  # noqa: S102 - the documents are ours
        assert list(Path().glob("*_staticMask.fits"))


def test_nothing_is_left_out_that_could_be_tested() -> None:
    """Part of what a mark needs does not exist yet; else the mark is to be removed."""
    assert not [names for names in marked_names() if all(map(exists, names))]


def test_every_benchmark_that_is_named_has_its_options() -> None:
    named = {found for page in PAGES for found in TITLE_OF_BENCHMARK.findall(page.text)}
    assert {module for module, _ in named} == {
        "tests.bench.ablation", "tests.bench.completeness", "tests.bench.joint",
        "tests.bench.joint_backgrounds", "tests.bench.noise", "tests.bench.scale",
    }
    for module, words in named:
        code = (ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8")
        for option in re.findall(r"--[\w-]+", words):
            assert f'"{option}"' in code, (module, option)


def test_every_extra_that_is_named_can_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [
        found for page in PAGES
        for found in re.findall(r"pip install (?:-q )?(?:-e )?'\.\[([\w,]+)\]'", page.text)
    ]
    wanted = {extra for extras in named for extra in extras.split(",")}
    assert {"gui", "plot", "cloud", "dask", "test"} <= wanted
    assert wanted <= set(project["optional-dependencies"])
    bound = re.search(r"Python ([\d.]+) or newer", README.text)
    assert bound is not None
    assert project["requires-python"] == f">={bound[1]}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_and_pictures_of_a_document_are_there(page: Page) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.text):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = page.path.parent / path if path else page.path
        assert target.exists(), link
        if anchor:
            linked = target / "README.md" if target.is_dir() else target
            assert anchor in Page(str(linked.resolve().relative_to(ROOT))).anchors, link


def test_the_readme_shows_the_table_that_the_demonstration_prints(tmp_path: Path) -> None:
    result = done("demo", tmp_path)
    shown = re.findall(r"ACSWFC_400x500_\d +\d.*", README.text)
    printed = re.findall(r"ACSWFC_400x500_\d +\d.*", result.stderr)
    assert [line.split() for line in shown] == [line.split() for line in printed]
    assert len(shown) == 2


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_has_help_with_examples_in_80_columns(command: str) -> None:
    result = done(command, "--help")
    assert "Examples:" in result.stdout
    assert result.stdout.count("\n    staticmask ") == 2
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_changelog_has_an_unreleased_section() -> None:
    assert "## Unreleased" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_tables_end_with_an_empty_line_and_have_rows_of_equal_length(page: Page) -> None:
    lines = page.text.splitlines()
    for line, following in pairwise(lines):
        if line.startswith("|") and following:
            assert following.startswith("|"), following
            cells = [len(re.findall(r"(?<!\\)\|", row)) for row in (line, following)]
            assert cells[0] == cells[1], following
