"""The headers of many exposures: of local ones one by one, of remote ones several at a time."""

from collections.abc import Iterator, Sequence
from functools import partial

from staticmask_cli.engine import run_tasks
from staticmask_cli.errors import StaticMaskError
from staticmask_cli.exposure import Exposure, Group, read_exposure
from staticmask_cli.places import is_remote

__all__ = ["read_headers"]

_AT_A_TIME = 16  # remote ones: nearly all the time is spent waiting for answers

Found = Exposure | StaticMaskError


def read_headers(
    paths: Sequence[str], group: Group = (), *, dq: bool = True
) -> Iterator[tuple[str, Found]]:
    """Read the headers of exposures, in the order of their paths.

    Parameters
    ----------
    paths, group, dq
        As in `read_exposure`.

    Yields
    ------
    tuple of str and Exposure or StaticMaskError
        The path, and the exposure or what is wrong with it.
    """
    look = partial(_look, group=group, dq=dq)
    if not any(map(is_remote, paths)):
        yield from map(look, paths)
        return
    found = dict(run_tasks(look, paths, jobs=_AT_A_TIME))
    yield from ((path, found[path]) for path in paths)


def _look(path: str, *, group: Group, dq: bool) -> tuple[str, Found]:
    try:
        return path, read_exposure(path, group, dq=dq)
    except StaticMaskError as error:
        return path, error
