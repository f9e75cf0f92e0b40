"""Check what users give to a run beside its parameters."""

import os
from collections.abc import Iterable
from typing import Any

from staticmask_cli.errors import ConfigError, described
from staticmask_cli.io.urls import is_remote

__all__ = ["check_arguments", "names_of"]


def names_of(given: object, parameter: str, otherwise: str = "") -> list[str | os.PathLike[str]]:
    """Return one or several names of files as a list.

    Parameters
    ----------
    given : str, path, or several of them
        What a user gave, whatever it is.
    parameter : str
        The name of the parameter, for the message.
    otherwise : str
        What to do instead, for the message.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    names: list[Any] = [given]
    if isinstance(given, Iterable) and not isinstance(given, str | os.PathLike):
        names = list(given)
    wrong = [name for name in names if not isinstance(name, str | os.PathLike)]
    if wrong:
        found = described(given if hasattr(given, "shape") else wrong[0])
        msg = f"{parameter}: expected names of files, found {found}{otherwise}"
        raise ConfigError(msg)
    return names


def check_arguments(
    jobs: int | None, checkpoint: int | None, output_dir: str, *, update: bool, overwrite: bool,
    write: bool,
) -> None:
    """Refuse arguments that contradict each other, before any work is done."""
    if jobs is not None and jobs < 1:
        msg = f"jobs = {jobs}: expected a number of chips > 0"
        raise ConfigError(msg)
    if update and not write:
        msg = "update and write = False contradict each other: an update changes masks on disk"
        raise ConfigError(msg)
    if update and overwrite:
        msg = "update and overwrite contradict each other: masks are either updated or made again"
        raise ConfigError(msg)
    if checkpoint is not None and (checkpoint < 1 or not update):
        wrong = " needs update, with which an interrupted run can be continued"
        msg = f"checkpoint = {checkpoint}{wrong if checkpoint > 0 else ': expected a number > 0'}"
        raise ConfigError(msg)
    if update and is_remote(output_dir):
        msg = (f"update: {output_dir} is remote, where runs cannot wait for each other; "
               "expected a local output_dir: copy the masks there, and back")
        raise ConfigError(msg)
