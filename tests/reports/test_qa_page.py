"""Test the page of many masks: what it shows, what it links to, and what it leaves alone."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

from staticmask_cli.errors import OutputError
from staticmask_cli.plots import files
from staticmask_cli.reports import qa_page
from staticmask_cli.reports.overview import overview_of
from staticmask_cli.reports.qa_page import write_page
from tests.support.command import done, run
from tests.support.masks import write_mask

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture(autouse=True)
def _few_dots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw small pictures, which takes less time."""
    monkeypatch.setattr(files, "_DPI", 40)


class Parsed(HTMLParser):
    """The tags of a page with their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(Path(page).read_text(encoding="utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def values(self, tag: str, name: str) -> list[str]:
        """Return the values of an attribute of all tags of a name."""
        return [attributes[name] or "" for found, attributes in self.tags
                if found == tag and name in attributes]


def masks(*names: str) -> list[str]:
    """Write masks with equal bad pixels, and one more of them in each following mask."""
    paths = []
    for number, name in enumerate(names):
        bad = np.zeros((12, 20), bool)
        bad[3, 4], bad[8, : number + 1] = True, True
        folder = Path(f"v{number}")
        folder.mkdir(exist_ok=True)
        paths.append(str(Path(write_mask(folder, bad)).rename(folder / name)))
    return paths


@contextmanager
def draw(pictures: Mapping[str, str]) -> Iterator[None]:
    """Write files that begin as pictures of the package do."""
    for name in pictures:
        Path(name).write_bytes(b"\x89PNG....tEXtSoftware\0staticmask 1....")
    yield


def test_the_page_has_the_table_and_the_pictures_of_all_masks() -> None:
    paths = masks("a_staticMask.fits", "b_staticMask.fits")
    result = run("inspect", "--html", "qa/page", *paths, "--check")
    assert result.exit_code == 0
    assert "2 masks stand apart" in result.stdout
    assert "qa/page/index.html: written" in result.stderr
    page = Parsed("qa/page/index.html")
    pictures = page.values("img", "src")
    assert pictures == ["0001_a.png", "0002_b.png"]
    assert all(Path("qa/page", name).read_bytes().startswith(b"\x89PNG") for name in pictures)
    rows = [attributes for tag, attributes in page.tags if tag == "tr"]
    assert len(rows) == 3
    for glance in overview_of(paths):
        assert {glance.path, f"{glance.bad:,}", f"{glance.fraction:.4%}"} <= set(page.texts)
    assert {attributes["content"] for tag, attributes in page.tags
            if tag == "meta" and "http-equiv" in attributes} == {"script-src 'none'"}


def test_masks_that_stand_apart_are_marked_with_their_reasons() -> None:
    glances = overview_of(masks(*"abc"))
    glances[1] = replace(glances[1], apart=("it is <odd>", "& large"))
    page = Parsed(write_page(glances, "qa", draw))
    assert "Static masks: 1 of 3 stand apart" in page.texts
    assert page.texts.count("apart") == 1
    assert page.values("tr", "class") == ["", "apart", ""]
    assert page.values("tr", "id") == ["mask1", "mask2", "mask3"]
    assert [text for text in page.texts if text.startswith(": ")] == [
        ": it is <odd>", ": & large"]


def test_links_lead_from_the_page_to_the_masks_its_rows_and_its_pictures() -> None:
    paths = masks("a b#c?.fits", "100%25.fits", "javascript:alert(1).fits")
    page = Parsed(write_page(overview_of(paths), "deep/qa", draw))
    links = page.values("a", "href")
    inside = {link[1:] for link in links if link.startswith("#")}
    assert inside <= {attributes.get("id") for _, attributes in page.tags}
    outside = [link for link in links if not link.startswith("#")]
    assert all(link.startswith("./") for link in outside)
    assert [Path("deep/qa", unquote(link)).resolve() for link in outside] == [
        Path(path).resolve() for path in paths]


@pytest.mark.parametrize("name", [
    "<script>alert(1)<_script>", "\"><img src=x onerror='alert(1)'>", "a\nb\x1b[31m",
    "\u202egnp.exe", "-->", "</title>".replace("/", "\u2215"), "caf\u00e9\udcff",
])
def test_untrusted_names_are_shown_as_text_and_mean_nothing_in_html(name: str) -> None:
    glances = overview_of(masks(f"{name}_staticMask.fits"))
    glances = [replace(glances[0], detector=name, rule=name, apart=(name,), causes={name: 3})]
    written = write_page(glances, "qa", draw)
    page = Parsed(written)
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "h1", "p", "ul", "li", "a", "div",
        "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "img", "footer",
    }
    assert {key for _, attributes in page.tags for key in attributes} <= {
        "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "src", "alt",
        "loading",
    }
    text = Path(written).read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert all(Path("qa", picture).is_file() for picture in page.values("img", "src"))


def test_the_page_needs_nothing_but_what_lies_beside_it() -> None:
    text = Path(write_page(overview_of(masks("a")), "qa", draw)).read_text(encoding="utf-8")
    assert "//" not in text
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.parametrize("name", ["index.html", "0001_a.png"])
@pytest.mark.parametrize("content", [b"<html>my own</html>", b"\x89PNG of others", b""])
def test_files_that_are_not_of_a_page_stay_as_they_are(name: str, content: bytes) -> None:
    paths = masks("a")
    Path("qa").mkdir()
    Path("qa", name).write_bytes(content)
    result = run("inspect", "--html", "qa", *paths, "-q")
    assert result.exit_code == 1
    assert f"qa/{name}: is not of a page that staticmask wrote, and stays as it is" in result.stderr
    assert [path.name for path in Path("qa").iterdir()] == [name]
    assert Path("qa", name).read_bytes() == content


def test_a_page_of_ours_is_replaced_and_other_files_of_its_folder_stay() -> None:
    paths = masks("a", "b")
    done("inspect", "--html", "qa", *paths, "-q")
    first = Path("qa/0001_a.png").read_bytes()
    Path("qa/notes.txt").write_text("mine")
    done("inspect", "--html", "qa", paths[0], "-q")
    assert Parsed("qa/index.html").values("img", "src") == ["0001_a.png"]
    assert Path("qa/0001_a.png").read_bytes() == first
    assert Path("qa/notes.txt").read_text() == "mine"


def test_a_page_that_cannot_be_drawn_leaves_the_old_one_as_it_was() -> None:
    glances = overview_of(masks("a", "b"))
    page = Path(write_page(glances[:1], "qa", draw))
    before = page.read_bytes()

    def fail(_: Mapping[str, str]) -> AbstractContextManager[None]:
        msg = "full"
        raise OutputError(msg)

    with pytest.raises(OutputError, match="full"):
        write_page(glances, "qa", fail)
    assert page.read_bytes() == before
    assert sorted(path.name for path in Path("qa").iterdir()) == ["0001_a.png", "index.html"]


def test_of_many_masks_some_are_drawn_those_that_stand_apart_first(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qa_page, "MOST_PICTURES", 2)
    glances = overview_of(masks(*"abcd"))
    glances[2] = replace(glances[2], apart=("odd",))
    page = Parsed(write_page(glances, "qa", draw))
    assert page.values("img", "src") == ["0001_a.png", "0003_c.png"]
    assert any("Of 4 masks 2 are drawn" in text for text in page.texts)


def test_a_page_without_matplotlib_is_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run("inspect", "--html", "qa", *masks("a"))
    assert result.exit_code == 2
    assert "qa: pictures need matplotlib" in result.stderr
    assert not Path("qa").exists()
