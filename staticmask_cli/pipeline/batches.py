"""Batches of chips: the tasks that workers run, and their results."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Semaphore
from typing import NamedTuple

from staticmask_cli.errors import StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.paths import is_remote
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.parallel.tasks import (
    ReducingExecutor,
    RunContext,
    available_cpus,
    default_jobs,
    jobs_of,
    run_tasks,
)
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["Batch", "BatchResult", "clip_batch", "combine", "run_batches", "split_into_batches"]

_LARGEST_BATCH = 64  # chips: those that are lost with a worker are read again within a minute
_BYTES_OF_A_MEMBER = 840
_REMOTE_JOBS = 6  # chips at a time by default, also on few processors: most of the time they wait
# Pixels of a chip, with fewer of which two threads take longer than one, because they wait for
# each other between many short calls: 1.4 times for 48 x 64, 1.2 for 256 x 272, 0.97 for 512 x 528.
_SMALL = 1 << 17
_BATCHES_PER_JOB = 4  # so that all workers end at about the same time


class Batch(NamedTuple):
    """A task: some chips of one mask, and the parameters to process them with.

    Attributes
    ----------
    chips : tuple of Chip
        The chips, at least one.
    rule : MaskRule
        The rule that says which pixels are bad.
    good_bits : int or None
        The DQ bits that do not make a pixel bad; None where DQ is not read.
    keep_going : bool
        Whether a chip that cannot be read is set aside; otherwise it is an error.
    context : RunContext or None
        The process that started the run; None if the batch never leaves that process.
    """

    chips: tuple[Chip, ...]
    rule: MaskRule
    good_bits: int | None
    keep_going: bool
    context: RunContext | None

    @property
    def signature(self) -> Signature:
        """The signature of all chips of the batch."""
        return self.chips[0].signature

    @property
    def mask_name(self) -> str:
        """The name of the mask of all chips of the batch, by which a run has one only."""
        return self.chips[0].mask_name


@dataclass
class BatchResult:
    """The result of one batch, or of several that were combined.

    Attributes
    ----------
    mask : PartialMask
        The partial mask of all chips.
    mask_name : str
        The name of the mask that the chips belong to.
    left_out : dict of str to str
        The chips that could not be read, each with the reason; in the mask they are set aside.
    """

    mask: PartialMask
    mask_name: str
    left_out: dict[str, str] = field(default_factory=dict)

    def __sizeof__(self) -> int:
        """Return the bytes in memory, by which Dask limits the results that a worker holds."""
        return self.mask.nbytes + _BYTES_OF_A_MEMBER * len(self.mask.members)


def split_into_batches(
    plans: Sequence[MaskPlan], rule: MaskRule, *, keep_going: bool, jobs: int, alone: bool
) -> list[Batch]:
    """Split the chips of a run into batches, in the order of the files.

    The order is exposure by exposure and not mask by mask, as the chips of a file are next to
    each other on disk.

    Parameters
    ----------
    plans : sequence of MaskPlan
        The plans of the masks.
    rule : MaskRule
        The rule that says which pixels are bad.
    keep_going : bool
        Whether chips that cannot be read are set aside.
    jobs : int
        The number of batches that will run at the same time.
    alone : bool
        Whether all batches run in this process, where results are combined at no cost: a batch
        is then a single chip.
    """
    chips = sum(len(plan.chips) for plan in plans)
    size = 1 if alone else min(math.ceil(chips / (jobs * _BATCHES_PER_JOB)), _LARGEST_BATCH)
    context = None if alone else RunContext()
    batches = [
        Batch(plan.chips[start : start + size], rule, plan.good_bits, keep_going, context)
        for plan in plans
        for start in range(0, len(plan.chips), size)
    ]
    return sorted(batches, key=lambda batch: (batch.chips[0].path, batch.chips[0].extension))


def run_batches(
    batches: Sequence[Batch], *, jobs: int | None, executor: Executor | None
) -> Iterator[tuple[int, BatchResult | None]]:
    """Run batches, here or on an executor.

    A `ReducingExecutor` combines the results of its workers and returns few of them; any other
    executor returns the result of each batch.

    Yields
    ------
    tuple of int and BatchResult or None
        The number of chips that were done since the last step, and a result if there is one.
    """
    if isinstance(executor, ReducingExecutor):
        steps = executor.reduce(clip_batch, combine, batches, jobs=jobs,
                                kind=lambda batch: batch.mask_name)
        for batch, result in steps:
            yield 0 if batch is None else len(batch.chips), result
        return
    if jobs is None:
        jobs = _usual_jobs(batches) if executor is None else jobs_of(executor)
    # If threads outnumber the processors, those that fetch must not wait for those that clip.
    clip = partial(clip_batch, turn=Semaphore(available_cpus())) if executor is None else clip_batch
    for result in run_tasks(clip, batches, jobs=jobs, executor=executor):
        yield len(result.mask.members), result


def _usual_jobs(batches: Sequence[Batch]) -> int:
    """Return how many threads finish batches soonest."""
    if any(is_remote(batch.chips[0].path) for batch in batches):
        return _REMOTE_JOBS
    if all(batch.rule.sky == "global" and math.prod(batch.signature.shape) < _SMALL
           for batch in batches):
        return 1
    return default_jobs()


def clip_batch(batch: Batch, turn: Semaphore | None = None) -> BatchResult:
    """Read the chips of a batch and find their bad pixels, in whatever process this runs.

    Parameters
    ----------
    batch : Batch
        The chips.
    turn : threading.Semaphore, optional
        What limits the number of threads that find bad pixels at the same time.
    """
    if batch.context is None:
        return _process(batch, turn)
    with batch.context.checked(), astropy_silenced():
        return _process(batch, turn)


def combine(results: Sequence[BatchResult]) -> BatchResult:
    """Combine results of one mask into a new one."""
    first = results[0].mask
    combined = BatchResult(PartialMask(first.signature, first.rule), results[0].mask_name)
    for result in results:
        combined.mask.merge(result.mask)
        combined.left_out.update(result.left_out)
    return combined


def _process(batch: Batch, turn: Semaphore | None) -> BatchResult:
    result = BatchResult(PartialMask(batch.signature, batch.rule), batch.mask_name)
    for chip in batch.chips:
        _add_chip(result, chip, batch, turn)
    return result


def _add_chip(result: BatchResult, chip: Chip, batch: Batch, turn: Semaphore | None) -> None:
    """Add a chip to a result, or set it aside with the reason."""
    if chip.skip_reason:
        result.mask.set_aside(chip.label, chip.skip_reason)
        return
    context = batch.context
    try:
        data, dq = read_pixels(_with_local_paths(chip, context), reuse_memory=True)
        with turn or nullcontext():
            result.mask.add(data, label=chip.label, dq=dq, good_bits=batch.good_bits or 0)
    except StaticMaskError as error:
        text = context.user_path(str(error), chip.path) if context else str(error)
        if not batch.keep_going:
            raise type(error)(text) from error
        reason = text.removeprefix(f"{chip.path}: ").removeprefix(f"{chip.label}: ")
        reason = context.with_host(reason) if context else reason
        result.mask.set_aside(chip.label, reason)
        result.left_out[str(chip.label)] = reason


def _with_local_paths(chip: Chip, context: RunContext | None) -> Chip:
    """Return a chip with the paths by which this process finds its files."""
    if context is None or context.local_path(chip.path) == chip.path:
        return chip
    dq = chip.dq and chip.dq._replace(path=context.local_path(chip.dq.path))
    return replace(chip, path=context.local_path(chip.path), dq=dq)
