"""Reading exposures: the headers of many, and the pixels and DQ flags of one chip.

Headers are read in this process, or by the workers of an executor if there are many files.  In this
process local files are read one by one, and remote ones several at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy.typing as npt

from staticmask_cli.errors import ExposureError, InputError, StaticMaskError
from staticmask_cli.exposures.dq import DQSource
from staticmask_cli.exposures.exposure import Chip, Exposure, Group, read_exposure
from staticmask_cli.exposures.extensions import FileForm
from staticmask_cli.fits.content import open_unchanged
from staticmask_cli.fits.open import (
    as_input_error,
    astropy_silenced,
    opened,
    pixels_of,
    read_hdus,
)
from staticmask_cli.fits.pixels import Stamp
from staticmask_cli.io.paths import is_remote
from staticmask_cli.masks.mask_name import BY_SIGNATURE
from staticmask_cli.masks.signature import Signature
from staticmask_cli.parallel.tasks import RunContext, jobs_of, run_tasks
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["read_headers", "read_pixels", "share_attributes"]

_REMOTE_JOBS = 16  # remote files at a time: nearly all the time is spent waiting for answers
_BATCH = 256  # files of a task; the result for each has some hundred bytes

_USUAL_FORM = FileForm()

ExposureOrError = Exposure | StaticMaskError


class _Task(NamedTuple):
    """The files whose headers a worker reads."""

    number: int
    paths: tuple[str, ...]
    group: Group
    dq: bool
    name: str
    form: FileForm
    run: RunContext


def read_headers(
    paths: Sequence[str], group: Group = (), *, dq: bool = True, form: FileForm = _USUAL_FORM,
    name: str = BY_SIGNATURE,
    executor: Executor | None = None,
) -> Iterator[tuple[str, ExposureOrError]]:
    """Read the headers of exposures, and yield them in the order of their paths.

    Parameters
    ----------
    paths : sequence of str
        The files.
    group, dq, form, name
        As in `read_exposure`.
    executor : concurrent.futures.Executor, optional
        An executor whose workers read the headers if there are more than 256 files.

    Yields
    ------
    tuple of str and Exposure or StaticMaskError
        The path, and the exposure or what is wrong with it.
    """
    if executor is None or len(paths) <= _BATCH:
        read = partial(_read_or_error, group=group, dq=dq, form=form, name=name)
        yield from _read_here(paths, read)
        return
    run = RunContext()
    tasks = [
        _Task(number, tuple(paths[start : start + _BATCH]), group, dq, name, form, run)
        for number, start in enumerate(range(0, len(paths), _BATCH))
    ]
    finished: dict[int, list[ExposureOrError]] = {}  # results that wait for an earlier one
    following = 0
    for number, results in run_tasks(_read_task, tasks, jobs=jobs_of(executor), executor=executor):
        finished[number] = results
        while following in finished:
            yield from zip(tasks[following].paths, finished.pop(following), strict=True)
            following += 1


def _read_here(
    paths: Sequence[str], read: Callable[[str], ExposureOrError]
) -> Iterator[tuple[str, ExposureOrError]]:
    if not any(map(is_remote, paths)):
        yield from ((path, read(path)) for path in paths)
        return
    results = dict(run_tasks(lambda path: (path, read(path)), paths, jobs=_REMOTE_JOBS))
    yield from ((path, results[path]) for path in paths)


def _read_or_error(
    path: str, group: Group, *, dq: bool, form: FileForm, name: str
) -> ExposureOrError:
    try:
        return read_exposure(path, group, dq=dq, form=form, name=name)
    except StaticMaskError as error:
        return error


def _read_task(task: _Task) -> tuple[int, list[ExposureOrError]]:
    """Read the headers of a task's files in a worker."""
    with task.run.checked(), astropy_silenced():
        first: dict[Signature, Chip] = {}
        return task.number, [_read_for_run(path, task, first) for path in task.paths]


def _read_for_run(path: str, task: _Task, first: dict[Signature, Chip]) -> ExposureOrError:
    """Read a file in a worker, and return the exposure with its path as the user gave it.

    `first` holds the first chip of each signature.  Later chips refer to its attributes where they
    are equal, so that these are sent back only once.
    """
    local = task.run.local_path(path)
    result = _read_or_error(local, task.group, dq=task.dq, form=task.form, name=task.name)
    if isinstance(result, StaticMaskError):
        return type(result)(task.run.with_host(task.run.user_path(str(result), path)))
    return result._replace(path=path, chips=tuple(
        _with_user_path(
            share_attributes(chip, first.setdefault(chip.signature, chip)), path, task.run
        )
        for chip in result.chips
    ))


def _with_user_path(chip: Chip, path: str, run: RunContext) -> Chip:
    dq = chip.dq and chip.dq._replace(path=run.user_path(chip.dq.path, path))
    return replace(chip, path=path, label=replace(chip.label, file=path), dq=dq)


def share_attributes(chip: Chip, other: Chip) -> Chip:
    """Return the chip with equal attributes replaced by the objects of `other`.

    Both chips have the same signature.  This saves memory, because an archive has millions of chips
    but few detectors.
    """
    return replace(
        chip,
        signature=other.signature,
        skip_reason=(
            other.skip_reason if chip.skip_reason == other.skip_reason else chip.skip_reason
        ),
        facts=other.facts if chip.facts == other.facts else chip.facts,
        grid=other.grid if chip.grid == other.grid else chip.grid,
        mask_name=other.mask_name if chip.mask_name == other.mask_name else chip.mask_name,
    )


def read_pixels(
    chip: Chip, *, reuse_memory: bool = False
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Read the SCI pixels of a chip, and its DQ flags if it has a source of them.

    Parameters
    ----------
    chip : Chip
        A chip of an exposure that `read_exposure` returned.
    reuse_memory : bool
        If True, the next call in the same thread may overwrite the arrays.

    Returns
    -------
    data : numpy.ndarray, shape (ny, nx)
        The pixels, in the type of the file.
    flags : numpy.ndarray of integer, shape (ny, nx), or None
        The DQ flags; None if `chip` has no DQ.

    Raises
    ------
    InputError
        If a file can no longer be read, or was replaced by one with other headers.
    ExposureError
        If the DQ array has not the shape of the SCI array, or is not of an integer type.
    """
    sources: dict[str, Chip | DQSource] = {"SCI": chip}
    if chip.dq is not None:
        sources["DQ"] = chip.dq
    arrays = {}
    for path in dict.fromkeys(source.path for source in sources.values()):
        images = {name: source for name, source in sources.items() if source.path == path}
        arrays.update(_read_arrays(path, images, reuse_memory=reuse_memory))
    data, flags = arrays["SCI"], arrays.get("DQ")
    if flags is None or chip.dq is None:
        return data, None
    if flags.shape != chip.signature.shape or flags.dtype.kind not in "iu":
        msg = (
            f"{chip.label}: expected integer DQ flags of shape {chip.signature.shape}, "
            f"found {flags.dtype.name} of shape {flags.shape} in {chip.dq.path}" if flags.shape else
            f"{chip.label}: expected integer DQ flags, found an extension without pixels in "
            f"{chip.dq.path}"
        )
        raise ExposureError(msg)
    return data, flags


def _read_arrays(
    path: str, images: Mapping[str, Chip | DQSource], *, reuse_memory: bool
) -> dict[str, npt.NDArray[Any]]:
    """Read images of a file by name.

    Raw pixels are read from where they were when the headers were read, unless the file has
    changed since then, and its headers must be compared; all other images are read by astropy.
    """
    arrays = {}
    stamp = next(image.stamp for image in images.values())
    # A compressed file is left to astropy as a whole, so that it is not inflated for both.
    compressed = all(image.raw is not None and image.raw.compressed for image in images.values())
    raws = {name: image.raw for name, image in images.items()
            if image.raw is not None and image.raw.compressed == compressed}
    with open_unchanged(path, stamp, compressed=compressed) as stream:
        if stream is not None:
            for name, raw in raws.items():
                out = SCRATCH.get(name, raw.size, raw.dtype.type) if reuse_memory else None
                arrays[name] = raw.read(stream, path, out)
    others = [name for name in images if name not in arrays]
    if others:
        if stream is None:
            stamp = _stamp_of_same(path, images.values())
        with opened(path, checked=True, stamp=stamp) as hdus:
            for name in others:
                arrays[name] = pixels_of(hdus[images[name].extension], path)
    return arrays


def _stamp_of_same(path: str, images: Iterable[Chip | DQSource]) -> Stamp | None:
    """Return the stamp of a file that has changed; refuse it if its headers have, too."""
    with as_input_error(path):
        hdus = read_hdus(path)
        for image in images:
            number = image.extension
            if number >= len(hdus) or hdus[number].sum_with(hdus[0]) != image.header_sum:
                msg = (f"{path}: was replaced while this run was under way, and has other headers "
                       "now; run it again")
                raise InputError(msg)
    return hdus[0].stamp
