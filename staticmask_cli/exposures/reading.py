"""The pixels of a chip and its DQ flags.

The headers of many exposures: read here, or by the workers of an executor.

Here, local ones are read one by one, and remote ones several at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy.typing as npt

from staticmask_cli.errors import ExposureError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip, DQSource, Exposure, Group, read_exposure
from staticmask_cli.fits.open import astropy_silenced, opened, pixels_of
from staticmask_cli.io.paths import is_remote
from staticmask_cli.masks.signature import Signature
from staticmask_cli.parallel.tasks import RunContext, jobs_of, run_tasks
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["read_headers", "read_pixels", "sharing"]

_AT_A_TIME = 16  # remote ones: nearly all the time is spent waiting for answers
_BATCH = 256  # files; the answer for each has some hundred bytes

ExposureOrError = Exposure | StaticMaskError


@dataclass(frozen=True)
class _Task:
    number: int
    paths: tuple[str, ...]
    group: Group
    dq: bool
    origin: RunContext


def read_headers(
    paths: Sequence[str], group: Group = (), *, dq: bool = True, executor: Executor | None = None
) -> Iterator[tuple[str, ExposureOrError]]:
    """Read the headers of exposures, in the order of their paths.

    Parameters
    ----------
    paths, group, dq
        As in `read_exposure`.
    executor : concurrent.futures.Executor, optional
        Reads them, where they are so many that it is worth the way.

    Yields
    ------
    tuple of str and Exposure or StaticMaskError
        The path, and the exposure or what is wrong with it.
    """
    if executor is None or len(paths) <= _BATCH:
        yield from _read_here(paths, group, dq=dq)
        return
    origin = RunContext()
    tasks = [
        _Task(number, tuple(paths[start : start + _BATCH]), group, dq, origin)
        for number, start in enumerate(range(0, len(paths), _BATCH))
    ]
    early: dict[int, list[ExposureOrError]] = {}  # those whose turn has not come
    turn = 0
    for number, answer in run_tasks(
        _look_at_many, tasks, jobs=jobs_of(executor), executor=executor
    ):
        early[number] = answer
        while turn in early:
            yield from zip(tasks[turn].paths, early.pop(turn), strict=True)
            turn += 1


def sharing(chip: Chip, other: Chip) -> Chip:
    """Return a chip that holds what is equal in another one together with that.

    Archives have millions of chips, and few detectors.
    """
    return replace(
        chip,
        signature=other.signature,
        skip_reason=(
            other.skip_reason if chip.skip_reason == other.skip_reason else chip.skip_reason
        ),
        facts=other.facts if chip.facts == other.facts else chip.facts,
        grid=other.grid if chip.grid == other.grid else chip.grid,
    )


def _read_here(
    paths: Sequence[str], group: Group, *, dq: bool
) -> Iterator[tuple[str, ExposureOrError]]:
    look = partial(_look, group=group, dq=dq)
    if not any(map(is_remote, paths)):
        yield from ((path, look(path)) for path in paths)
        return
    found = dict(run_tasks(lambda path: (path, look(path)), paths, jobs=_AT_A_TIME))
    yield from ((path, found[path]) for path in paths)


def _look(path: str, group: Group, *, dq: bool) -> ExposureOrError:
    try:
        return read_exposure(path, group, dq=dq)
    except StaticMaskError as error:
        return error


def _look_at_many(task: _Task) -> tuple[int, list[ExposureOrError]]:
    with task.origin.checked(), astropy_silenced():
        first: dict[Signature, Chip] = {}
        return task.number, [_look_from_afar(path, task, first) for path in task.paths]


def _look_from_afar(path: str, task: _Task, first: dict[Signature, Chip]) -> ExposureOrError:
    """Look at a file from here, and tell of it as its run knows it.

    `first` has a chip of each signature, so that what it shares with others travels once.
    """
    found = _look(task.origin.local_path(path), task.group, dq=task.dq)
    if isinstance(found, StaticMaskError):
        return type(found)(task.origin.user_path(str(found), path))
    return replace(found, path=path, chips=tuple(
        _as_given(sharing(chip, first.setdefault(chip.signature, chip)), path, task.origin)
        for chip in found.chips
    ))


def _as_given(chip: Chip, path: str, origin: RunContext) -> Chip:
    dq = chip.dq and replace(chip.dq, path=origin.user_path(chip.dq.path, path))
    return replace(chip, path=path, label=replace(chip.label, file=path), dq=dq)


def read_pixels(
    chip: Chip, *, reuse_memory: bool = False
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Read the SCI pixels of a chip, and its DQ flags where `chip` says they are.

    Parameters
    ----------
    chip : Chip
        Of an exposure that `read_exposure` has seen.
    reuse_memory : bool
        Whether both may lie in memory that the next call in the same thread uses again.

    Returns
    -------
    data : numpy.ndarray, shape (ny, nx)
        In the dtype and byte order of the file.
    flags : numpy.ndarray of integer, shape (ny, nx), or None
        None if `chip` has no DQ.

    Raises
    ------
    InputError
        If a file can no longer be read.
    ExposureError
        If DQ is not of the shape of SCI, or not of an integer type.
    """
    sources: dict[str, Chip | DQSource] = {"SCI": chip}
    if chip.dq is not None:
        sources["DQ"] = chip.dq
    arrays = dict(_arrays(sources, reuse_memory=reuse_memory))
    data, flags = arrays["SCI"], arrays.get("DQ")
    if flags is None or chip.dq is None:
        return data, None
    if flags.shape != chip.signature.shape or flags.dtype.kind not in "iu":
        msg = (
            f"{chip.label}: expected integer DQ flags of shape {chip.signature.shape}, "
            f"found {flags.dtype.name} of shape {flags.shape} in {chip.dq.path}"
        )
        raise ExposureError(msg)
    return data, flags


def _arrays(
    sources: Mapping[str, Chip | DQSource], *, reuse_memory: bool
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Read arrays by name: from where they are known to be, else as the headers say now."""
    checked = {}
    for name, source in sources.items():
        if source.raw is not None and source.raw.hold(source.path):
            raw = source.raw
            out = SCRATCH.get(name, raw.size, raw.dtype.type) if reuse_memory else None
            yield name, raw.read(source.path, out)
        else:
            checked[name] = source
    for path in dict.fromkeys(source.path for source in checked.values()):
        with opened(path, checked=True) as hdus:
            for name, source in checked.items():
                if source.path == path:
                    yield name, pixels_of(hdus[source.extension], path)
