"""From the words a user typed to an ordered list of files."""

import glob
import os
from collections.abc import Iterable, Iterator

from staticmask_cli.errors import InputError

__all__ = ["expand_inputs"]


def expand_inputs(words: Iterable[str]) -> list[str]:
    """Expand paths, wildcards, comma lists and @lists to files.

    Parameters
    ----------
    words : iterable of str
        Each a path, a wildcard, several of these joined by commas, or ``@`` and
        the name of a list: one input a line, ``#`` comments, a second column is
        ignored, paths relative to the list's own folder.  What exists under
        exactly that name is taken as it is.

    Returns
    -------
    list of str
        Paths as the user gave them, sorted; a file that is named twice counts once.

    Raises
    ------
    InputError
        Names every word that matches nothing, and every missing file.
    """
    problems: list[str] = []
    paths: dict[str, str] = {}
    for word in words:
        for path in _expand(word, "", (), problems):
            paths.setdefault(os.path.realpath(path), path)
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    if not paths:
        msg = "no input: name exposures, as in: staticmask '*flt.fits'"
        raise InputError(msg)
    return sorted(paths.values())


def _expand(
    word: str, folder: str, open_lists: tuple[str, ...], problems: list[str]
) -> Iterator[str]:
    """Files of one word; what is wrong with it is added to `problems`."""
    path = os.path.join(folder, word)  # noqa: PTH118 - paths stay as the user gave them
    if os.path.isdir(path):  # noqa: PTH112
        problems.append(f"{path}: is a folder, expected files such as {os.path.join(path, '*flt.fits')}")  # noqa: E501, PTH118
    elif os.path.lexists(path):
        yield path
    elif word.startswith("@"):
        yield from _expand_list(os.path.join(folder, word[1:]), open_lists, problems)  # noqa: PTH118
    elif "," in word:
        for part in filter(None, map(str.strip, word.split(","))):
            yield from _expand(part, folder, open_lists, problems)
    elif glob.has_magic(word):
        matches = sorted(filter(os.path.isfile, glob.glob(path)))  # noqa: PTH207
        if not matches:
            problems.append(f"{path}: no file matches")
        yield from matches
    else:
        problems.append(f"{path}: no such file")


def _expand_list(
    path: str, open_lists: tuple[str, ...], problems: list[str]
) -> Iterator[str]:
    """Files of an @list."""
    identity = os.path.realpath(path)
    if identity in open_lists:
        problems.append(f"@{path}: the list includes itself")
        return
    try:
        with open(path, encoding="utf-8-sig") as stream:  # noqa: PTH123
            lines = [line.strip() for line in stream]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        problems.append(f"@{path}: cannot read the list: {reason}")
        return
    folder = os.path.dirname(path)  # noqa: PTH120
    for line in lines:
        if line and not line.startswith("#"):
            whole = os.path.lexists(os.path.join(folder, line))  # noqa: PTH118
            word = line if whole else line.split()[0]
            yield from _expand(word, folder, (*open_lists, identity), problems)
