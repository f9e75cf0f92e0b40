"""The pixels that are known to be bad: which files the user names, and which masks they are of."""

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from staticmask_cli.errors import ConfigError, InputError, Lines, StaticMaskError, first_few
from staticmask_cli.fits.open import as_input_error
from staticmask_cli.forms.listed import BadPixelList, Bits, Target
from staticmask_cli.forms.reading import read_lists
from staticmask_cli.io.paths import is_remote
from staticmask_cli.io.user_path import user_path

__all__ = ["Included", "included_pixels"]

_FOR_MASK = re.compile(r"([A-Za-z0-9.+-]+_\d+x\d+_\d+(?:_(?!staticMask)[\w.+-]+?)?)"
                       r"(?:_staticMask(?:\.fits)?)?=(.+)")


@dataclass(frozen=True)
class Included:
    """The pixels of a mask that are known to be bad.

    Attributes
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad, whatever the exposures show.
    files : tuple of str
        The paths of the files that list them, sorted.
    """

    bad: Bits
    files: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of these files without their folders, sorted."""
        return tuple(sorted({os.path.basename(path) for path in self.files}))


@dataclass(frozen=True)
class _File:
    """A file that the user names, and the name of the mask that it is for; empty if not given."""

    path: str
    mask: str = ""


def included_pixels(
    words: Iterable[str], bad_value: int | None, targets: Sequence[Target]
) -> dict[str, Included]:
    """Read files with pixels that are known to be bad, and find the masks that they belong to.

    Parameters
    ----------
    words : iterable of str
        The files as the user named them: paths, wildcards, comma lists, each as it is or as
        ``MASK=FILE``, where MASK is the name of a mask without ``_staticMask.fits``.
    bad_value : int or None
        1 if all values but 0 are bad in images that do not say so, 0 if 0 is bad in them.
    targets : sequence of Target
        The masks of the run.

    Returns
    -------
    dict of str to Included
        The pixels by name of the mask, for those masks that have any file.

    Raises
    ------
    ConfigError
        If it is not clear which value of an image is bad, or which mask a file is for.
    InputError
        If a file cannot be used, or belongs to no mask of the run; all such files are named.
    """
    found: dict[str, Included] = {}
    problems: list[StaticMaskError] = []
    lists: list[BadPixelList] = []
    for file in _files(words, problems):
        try:
            with as_input_error(file.path):
                read = read_lists(file.path, bad_value)
                lists += read
                for listed, target in _pairs(read, file, targets):
                    _add(found, target, listed.painted(target), file.path)
        except StaticMaskError as error:
            problems.append(error)
    if problems:
        is_usage = all(isinstance(error, ConfigError) for error in problems)
        raise (ConfigError if is_usage else InputError)(Lines.of(problems))
    _refuse_contradiction(lists, bad_value)
    return found


def _add(found: dict[str, Included], target: Target, bad: Bits, path: str) -> None:
    before = found.get(target.name)
    files = {path} if before is None else {path, *before.files}
    found[target.name] = Included(bad if before is None else before.bad | bad, tuple(sorted(files)))


def _refuse_contradiction(lists: Sequence[BadPixelList], bad_value: int | None) -> None:
    """Refuse a polarity that no image needs and that one of them contradicts."""
    others = [listed.source for listed in lists if listed.stated_bad not in (None, bad_value)]
    if bad_value is None or not others or any(listed.needs_polarity for listed in lists):
        return
    msg = (f"include_bad = {bad_value}, but {first_few(others)} says itself that "
           f"{'0 is bad' if bad_value else '0 is good'}; leave include_bad (--include-bad) out")
    raise ConfigError(msg)


def _files(words: Iterable[str], problems: list[StaticMaskError]) -> Iterator[_File]:
    """Yield the files that words name, and collect what is wrong with the words."""
    for word in map(user_path, words):
        found = _FOR_MASK.fullmatch(word)
        if os.path.exists(word) or is_remote(word):
            yield _File(word)
        elif found and os.path.exists(found[2]):
            yield _File(found[2], found[1])
        elif "," in word:
            yield from _files(filter(None, map(str.strip, word.split(","))), problems)
        elif found:
            yield from (_File(file.path, found[1]) for file in _files([found[2]], problems))
        elif glob.has_magic(word) and (matches := sorted(glob.glob(word, recursive=True))):
            yield from (_File(match) for match in matches if not os.path.isdir(match))
        else:
            problems.append(InputError(
                f"include = {word}: no such file; expected files with lists of bad pixels, or "
                "MASK=FILE, as in ACSWFC_2048x4096_1=bad.reg"
            ))


def _pairs(
    lists: Sequence[BadPixelList], file: _File, targets: Sequence[Target]
) -> Iterator[tuple[BadPixelList, Target]]:
    """Yield the lists of a file, each with a mask that it belongs to; at least one."""
    candidates = [target for target in targets
                  if file.mask in ("", target.name, target.default_name)]
    if not candidates:
        msg = (f"include = {file.mask}={file.path}: no mask of this run has that name; there are "
               f"{_names(targets)}")
        raise ConfigError(msg)
    has_any = False
    for listed in lists:
        chosen = [target for target in candidates if not listed.differences(target)]
        if len({target.pixels for target in chosen}) > 1 and not listed.of_detector:
            msg = (f"{listed.source}: may be of {_names(chosen)}; say of which, as in "
                   f"--include {chosen[0].name}={file.path}")
            raise ConfigError(msg)
        has_any |= bool(chosen)
        yield from ((listed, target) for target in chosen)
    if not has_any:
        reasons = [f"{target.name}: {', '.join(listed.differences(target))}"
                   for listed in lists for target in candidates]
        msg = f"{file.path}: belongs to no mask of this run; {first_few(reasons, 6)}"
        raise InputError(msg)


def _names(targets: Sequence[Target]) -> str:
    return first_few([target.name for target in targets], 6)
