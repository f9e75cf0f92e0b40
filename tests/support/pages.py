"""The documents of the project: their blocks of code, links and tables."""

import re
import shlex
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from staticmask_cli import staticMask
from staticmask_cli.cli import cli
from staticmask_cli.cli.create import create

__all__ = [
    "PAGES", "README", "ROOT", "Block", "Page", "commands_in", "exists", "expanded",
    "marked_names", "section", "table",
]

ROOT = Path(__file__).parents[2]

_BLOCK = re.compile(r"(?:<!-- needs: (.+?) -->\n)?```(\w+)\n(.*?)```", flags=re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code in a document.

    Attributes
    ----------
    language : str
        ``console`` for commands that can be run, ``sh`` for those that need what a test does not
        have, ``python``, or another.
    text : str
        The lines of the block.
    needs : tuple of str
        What must exist for the block to run, by a mark above it: names of commands, options of
        ``create``, or functions of `staticmask_cli.staticMask`.
    """

    language: str
    text: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Page:
    """A document, by its path relative to the root of the repository."""

    name: str

    @property
    def path(self) -> Path:
        """The path of the file."""
        return ROOT / self.name

    @property
    def text(self) -> str:
        """The whole text."""
        return self.path.read_text(encoding="utf-8")

    def blocks(self, *languages: str) -> list[Block]:
        """Return the blocks of some languages, in their order."""
        return [
            Block(language, text, tuple(needs.split(", ")) if needs else ())
            for needs, language, text in _BLOCK.findall(self.text) if language in languages
        ]

    @property
    def anchors(self) -> set[str]:
        """The anchors of its headings, as GitHub makes them."""
        titles = re.findall(r"^#+ (.*)$", self.text, flags=re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}

    def __str__(self) -> str:
        return self.name


README = Page("README.md")
PAGES = [README, Page("CONTRIBUTING.md"), Page("SECURITY.md"), *(
    Page(str(path.relative_to(ROOT))) for path in sorted((ROOT / "examples").rglob("README.md"))
)]


def commands_in(block: Block) -> list[list[str]]:
    """Return the words of each ``staticmask`` command of a block, with their quotes."""
    lines = [
        shlex.split(line.rstrip("& "), comments=True, posix=False)
        for line in block.text.splitlines()
    ]
    return [words for words in lines if words and words[0] == "staticmask"]


def expanded(words: list[str]) -> list[str]:
    """Return the words that a shell makes of these: without quotes, and wildcards expanded."""
    return [
        name for word in words
        for name in ([word.strip("'")] if "'" in word else sorted(glob(word)) or [word])
    ]


def exists(name: str) -> bool:
    """Find whether there is what a block needs."""
    options = {option for parameter in create.params for option in parameter.opts}
    return name in cli.commands or name in options or hasattr(staticMask, name)


def marked_names() -> list[tuple[str, ...]]:
    """Return the names in each mark of the documents."""
    marks = [mark for page in PAGES for mark in re.findall(r"<!-- needs: (.+?) -->", page.text)]
    return [tuple(mark.split(", ")) for mark in marks]


def section(text: str, title: str) -> str:
    """Return the text from a heading of the second level to the next one."""
    return text.split(f"\n## {title}\n")[1].split("\n## ", maxsplit=1)[0]


def table(text: str) -> list[list[str]]:
    """Return the rows of the first table of a text, without its head; each has its cells."""
    lines = text[text.index("\n| ") + 1:].split("\n\n", maxsplit=1)[0].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]
