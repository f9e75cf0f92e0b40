"""Batches of chips: the tasks of a run, and what comes back from them."""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from staticmask_cli.errors import StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.parallel.tasks import ReducingExecutor, RunContext, jobs_of, run_tasks
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["Batch", "BatchResult", "clip_batch", "combine", "cut", "run_batches"]

_MOST_CHIPS = 64  # of a batch: what is lost with a worker is read again within a minute or so
_BYTES_OF_A_MEMBER = 700
_BATCHES_PER_JOB = 4  # so that all workers end at about the same time


@dataclass(frozen=True)
class Batch:
    """Some chips of one signature, and how to clip them.

    Attributes
    ----------
    chips : tuple of Chip
    rule : MaskRule
        The rule that says which pixels are bad.
    good_bits : int or None
        DQ bits that do not make a pixel bad.
    keep_going : bool
        Whether a chip that cannot be read is set aside.
    origin : RunContext or None
        Where the run was started; None if the batch never leaves its process.
    """

    chips: tuple[Chip, ...]
    rule: MaskRule
    good_bits: int | None
    keep_going: bool
    origin: RunContext | None

    @property
    def signature(self) -> Signature:
        """Of all its chips."""
        return self.chips[0].signature


@dataclass
class BatchResult:
    """What some chips gave.

    Attributes
    ----------
    mask : PartialMask
        Of them all.
    left_out : dict of str to str
        Those that could not be read, and why; in the mask they are set aside.
    """

    mask: PartialMask
    left_out: dict[str, str] = field(default_factory=dict)

    def __sizeof__(self) -> int:
        """Bytes in memory, by which Dask knows when a worker has enough."""
        return self.mask.nbytes + _BYTES_OF_A_MEMBER * len(self.mask.members)


def cut(
    plans: Sequence[MaskPlan], rule: MaskRule, *, keep_going: bool, jobs: int, alone: bool
) -> list[Batch]:
    """Cut the work of a run into batches.

    Exposure by exposure rather than mask by mask: the chips of a file lie together on disk.

    Parameters
    ----------
    plans : sequence of MaskPlan
        Of the masks.
    rule : MaskRule
        The rule that says which pixels are bad.
    keep_going : bool
        Whether chips that cannot be read are set aside.
    jobs : int
        Batches that will be under way at the same time.
    alone : bool
        Whether all is done in this process, which can combine masks at once: a chip each.
    """
    chips = sum(len(plan.chips) for plan in plans)
    size = 1 if alone else min(math.ceil(chips / (jobs * _BATCHES_PER_JOB)), _MOST_CHIPS)
    origin = None if alone else RunContext()
    batches = [
        Batch(plan.chips[start : start + size], rule, plan.good_bits, keep_going, origin)
        for plan in plans
        for start in range(0, len(plan.chips), size)
    ]
    return sorted(batches, key=lambda batch: (batch.chips[0].path, batch.chips[0].extension))


def run_batches(
    batches: Sequence[Batch], *, jobs: int | None, executor: Executor | None
) -> Iterator[tuple[int, BatchResult | None]]:
    """Clip batches.

    An executor that reduces combines what its workers find, and returns little; any other
    one returns the share of each batch.

    Yields
    ------
    tuple of int and Share or None
        Chips that are done since the last time; and a share that is to be taken over.
    """
    if isinstance(executor, ReducingExecutor):
        steps = executor.reduce(clip_batch, combine, batches, jobs=jobs,
                                kind=lambda batch: batch.signature)
        for batch, share in steps:
            yield 0 if batch is None else len(batch.chips), share
        return
    for share in run_tasks(clip_batch, batches, jobs=jobs or jobs_of(executor), executor=executor):
        yield len(share.mask.members), share


def clip_batch(batch: Batch) -> BatchResult:
    """Clip the chips of a batch; a task of its own, for threads, processes and clusters alike."""
    if batch.origin is None:
        return _clipped(batch)
    with batch.origin.checked(), astropy_silenced():
        return _clipped(batch)


def combine(shares: Sequence[BatchResult]) -> BatchResult:
    """Combine shares of one signature into a new one."""
    first = shares[0].mask
    whole = BatchResult(PartialMask(first.signature, first.rule))
    for share in shares:
        whole.mask.merge(share.mask)
        whole.left_out.update(share.left_out)
    return whole


def _clipped(batch: Batch) -> BatchResult:
    share = BatchResult(PartialMask(batch.signature, batch.rule))
    for chip in batch.chips:
        _add(share, chip, batch)
    return share


def _add(share: BatchResult, chip: Chip, batch: Batch) -> None:
    """Clip a chip, or say why it cannot be."""
    if chip.skip_reason:
        share.mask.set_aside(chip.label, chip.skip_reason)
        return
    try:
        data, dq = read_pixels(_located(chip, batch.origin), reuse_memory=True)
        share.mask.add(data, label=chip.label, dq=dq, good_bits=batch.good_bits or 0)
    except StaticMaskError as error:
        text = batch.origin.user_path(str(error), chip.path) if batch.origin else str(error)
        if not batch.keep_going:
            raise type(error)(text) from error
        reason = text.removeprefix(f"{chip.path}: ").removeprefix(f"{chip.label}: ")
        share.mask.set_aside(chip.label, reason)
        share.left_out[str(chip.label)] = reason


def _located(chip: Chip, origin: RunContext | None) -> Chip:
    """Return a chip with the paths by which its files are found from here."""
    if origin is None or origin.local_path(chip.path) == chip.path:
        return chip
    dq = chip.dq and replace(chip.dq, path=origin.local_path(chip.dq.path))
    return replace(chip, path=origin.local_path(chip.path), dq=dq)
