"""A page in HTML that shows many masks at a glance, for quality assurance.

It is one static file, which loads nothing but the pictures beside it.  The names in it are
untrusted: all are escaped, in texts and in links.
"""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from html import escape
from urllib.parse import quote

from staticmask_cli._version import __version__
from staticmask_cli.errors import OutputError
from staticmask_cli.io.atomic import write_together
from staticmask_cli.io.disk import as_output_error, make_folder
from staticmask_cli.io.paths import exists, is_file, is_remote, join_path, open_file
from staticmask_cli.reports.overview import Glance

__all__ = ["MOST_PICTURES", "write_page"]

MOST_PICTURES = 200
"""The number of masks that are drawn; those that stand apart come first."""

_PAGE = "index.html"
_START = b"<!doctype html>\n<!-- made by staticmask"
_PNG_START, _PNG_MARK = b"\x89PNG", b"Software\0staticmask "
_LONGEST_NAME = 100  # characters of a mask, in the name of its picture

_STYLE = """
:root { color-scheme: light dark; --line: #bbb; --mark: #a33b00; --stripe: #f4f4f4; }
@media (prefers-color-scheme: dark) {
  :root { --line: #555; --mark: #ffb27a; --stripe: #222; } }
body { font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 100em; padding: 0 1em; }
.wide { overflow-x: auto; }
ul { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .2em .6em; text-align: right;
  vertical-align: top; white-space: nowrap; }
th { vertical-align: bottom; white-space: normal; }
.text { text-align: left; }
.long { min-width: 18em; text-align: left; white-space: normal; overflow-wrap: anywhere; }
tbody tr:nth-child(even) { background: var(--stripe); }
.apart, .apart a { color: var(--mark); font-weight: bold; }
figure { margin: 2em 0; }
figcaption { font-weight: bold; overflow-wrap: anywhere; }
img { background: white; height: auto; max-width: min(100%, 800px); }
footer { border-top: 1px solid var(--line); margin-top: 3em; }
@media print {
  body { font-size: 8pt; margin: 0; max-width: none; }
  .wide { overflow: visible; }
  th, td { padding: .1em .3em; }
  tr { break-inside: avoid; }
  figure { break-before: page; break-inside: avoid; margin: 0; }
  img { max-height: 23cm; }
}
"""


def write_page(
    glances: Sequence[Glance],
    folder: str,
    draw: Callable[[Mapping[str, str]], AbstractContextManager[None]],
) -> str:
    """Write the page and its pictures to a folder: all of them, or none.

    Parameters
    ----------
    glances : sequence of Glance
        The masks.
    folder : str
        The folder, which is made if it is missing.
    draw : callable
        A function that draws masks, by the path of the picture, to files that appear after its
        with block.

    Returns
    -------
    str
        The path of the page.

    Raises
    ------
    OutputError
        If a file cannot be written, or if one of the name of the page or of a picture is there
        that staticmask did not write.
    """
    # Each file is open until all are complete, and systems limit the number of open files.
    first = sorted(range(len(glances)), key=lambda index: (not glances[index].apart, index))
    pictures = {
        index: join_path(folder, f"{index + 1:04}_{_short_name(glances[index].path)}.png")
        for index in sorted(first[:MOST_PICTURES])
    }
    page = join_path(folder, _PAGE)
    for path in (page, *pictures.values()):
        _refuse_others(path)
    make_folder(folder)
    masks = {path: glances[index].path for index, path in pictures.items()}
    with write_together([page]) as (file,), draw(masks), as_output_error(page):
        # The page is flushed before the pictures are renamed, and renamed after them.
        file.stream.write(_html(glances, folder, pictures))
        file.flush()
    return page


def _short_name(path: str) -> str:
    """Return the name of a mask in letters that mean nothing in a path or in a URL."""
    name = os.path.basename(path).removesuffix(".fits").removesuffix("_staticMask")
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name)
    return plain[:_LONGEST_NAME]


def _refuse_others(path: str) -> None:
    """Refuse to replace anything but a page or a picture that staticmask wrote."""
    start = b""
    if is_file(path):  # reading from a pipe would block
        with suppress(OSError), open_file(path) as stream:
            start = stream.read(4096)
    ours = start.startswith(_START) or (start.startswith(_PNG_START) and _PNG_MARK in start)
    if exists(path) and not ours:
        msg = (f"{path}: is not of a page that staticmask wrote, and stays as it is; choose "
               "another folder for --html")
        raise OutputError(msg)


def _html(glances: Sequence[Glance], folder: str, pictures: Mapping[int, str]) -> bytes:
    """Return the page; `pictures` are the paths in its folder, by the index of the mask."""
    apart = sum(bool(glance.apart) for glance in glances)
    rules = {glance.rule for glance in glances}
    title = f"Static masks: {apart} of {len(glances)} stand apart"
    known = sorted(filter(None, rules))
    same_rule = f" All are made with {_shown(known[0])}." if len(rules) == len(known) == 1 else ""
    head = (
        f'{_START.decode()} {escape(__version__)} -->\n<html lang="en">\n<head>\n'
        '<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        "<p>A mask stands apart if it differs from the others of its chip, or if one of its "
        f"members does.{same_rule}</p>\n"
    )
    foot = f"<footer><p>Made by staticmask {escape(__version__)}.</p></footer>\n</body>\n</html>\n"
    table = "".join(_table(glances, folder, pictures, with_rule=not same_rule))
    figures = "".join(_figures(glances, pictures))
    reasons = "".join(
        f'<li><a href="#mask{index + 1}">{_shown(glance.path)}</a>: {_shown(reason)}</li>\n'
        for index, glance in enumerate(glances) for reason in glance.apart
    )
    table = f'<div class="wide">\n{table}</div>\n'
    return f"{head}<ul>\n{reasons}</ul>\n{table}{figures}{foot}".encode()


def _table(
    glances: Sequence[Glance], folder: str, pictures: Mapping[int, str], *, with_rule: bool
) -> Iterator[str]:
    """Yield the table, a row for each mask."""
    yield "<table>\n<thead><tr>"
    yield from (f'<th class="{name}">{title}</th>' for title, name, _ in
                _cells(glances[0], "", "", with_rule=with_rule))
    yield "</tr></thead>\n<tbody>\n"
    for index, glance in enumerate(glances):
        picture = f'<a href="#picture{index + 1}">see</a>' if index in pictures else ""
        cells = _cells(glance, folder, picture, with_rule=with_rule)
        name = "apart" if glance.apart else ""
        yield f'<tr id="mask{index + 1}" class="{name}">'
        yield from (f'<td class="{name}">{cell}</td>' for _, name, cell in cells)
        yield "</tr>\n"
    yield "</tbody>\n</table>\n"


def _cells(
    glance: Glance, folder: str, picture: str, *, with_rule: bool
) -> Iterator[tuple[str, str, str]]:
    """Yield the title, the class and the content of each cell of a row."""
    causes = ", ".join(f"{number:,} {name}" for name, number in (glance.causes or {}).items())
    yield "mask", "long", _link(glance.path, folder)
    yield "stands apart", "text", "apart" if glance.apart else ""
    yield "picture", "text", picture
    yield "date", "text", _shown((glance.date or "?")[:10])
    yield "exposures", "", "?" if glance.exposures is None else str(glance.exposures)
    yield "bad", "", f"{glance.bad:,}"
    yield "fraction", "", f"{glance.fraction:.4%}"
    yield "by cause", "text", _shown(causes)
    yield "worst row", "", f"{glance.worst_row:,}"
    yield "worst column", "", f"{glance.worst_column:,}"
    yield "largest cluster", "", f"{glance.largest:,}"
    yield "level", "", _number(glance.level)
    yield "noise", "", _number(glance.noise)
    if with_rule:
        yield "rule", "long", _shown(glance.rule or "?")


def _figures(glances: Sequence[Glance], pictures: Mapping[int, str]) -> Iterator[str]:
    if len(pictures) < len(glances):
        yield (f"<p>Of {len(glances)} masks {len(pictures)} are drawn, those that stand apart "
               "first; <code>staticmask inspect MASK --plot FILE</code> draws any other.</p>\n")
    for index, path in pictures.items():
        name = _shown(glances[index].path)
        yield (f'<figure id="picture{index + 1}"><figcaption>{name}</figcaption>'
               f'<img src="{quote(os.path.basename(path))}" alt="The mask {name}" loading="lazy">'
               "</figure>\n")


def _link(path: str, folder: str) -> str:
    """Return the name of a mask, with a relative link to it unless one of both is remote."""
    if is_remote(path) or is_remote(folder):
        return _shown(path)
    target = quote(os.fsencode(os.path.relpath(path, folder or ".")))
    return f'<a href="./{target}">{_shown(path)}</a>'


def _shown(text: str) -> str:
    """Return an untrusted text for HTML; letters that cannot be seen are shown as escapes."""
    return escape("".join(letter if letter.isprintable() else repr(letter)[1:-1]
                          for letter in text))


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "?"
