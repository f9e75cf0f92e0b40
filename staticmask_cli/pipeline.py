"""The way from inputs to masks: expand, read, clip, combine, write."""

import logging
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from staticmask_cli.config import Parameters
from staticmask_cli.engine import default_jobs, run_tasks
from staticmask_cli.errors import ConfigError, ExposureError
from staticmask_cli.exposure import Chip, read_pixels
from staticmask_cli.files import make_folder
from staticmask_cli.fitsfile import astropy_silenced
from staticmask_cli.mask import PartialMask
from staticmask_cli.maskfile import StaticMask, write_masks
from staticmask_cli.plan import MaskPlan, plan_masks

__all__ = ["Progress", "create_masks", "make_masks"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with the chips that are done and the chips there are."""


@dataclass(frozen=True)
class _Task:
    chip: Chip
    parameters: Parameters
    good_bits: int | None


def create_masks(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    static_sig: float = 4.0,
    sky: str = "global",
    agree: str | float = "any",
    final_bits: str | int | None = None,
    group: str | float | None = None,
    suffix: str | None = None,
    output_dir: str | os.PathLike[str] = ".",
    overwrite: bool = False,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[StaticMask]:
    """Make the static masks of a set of exposures and write them.

    Parameters
    ----------
    inputs : str, path, or several of them
        Paths, wildcards, comma lists, ``@list``, association tables; opened read-only.
    static_sig : float
        A pixel is low when it lies below ``mode - static_sig * rms``.
    sky : str
        ``global``: mode and rms of the chip, as the reference has them; ``local``: of the
        sky around each pixel, for fields that are not flat.
    agree : str, int or float
        In how many exposures a pixel must be bad: ``any``, ``all``, a count (2), or a
        fraction of those that vote (0.5).
    final_bits : str, int or None
        DQ bits that do *not* make a pixel bad, in any syntax of astropy's
        ``interpret_bit_flags``; with None, DQ is not read.
    group : str, int or None
        FITS extensions to use in every exposure, ``1``, ``"1,4"`` or ``"sci,2"``.
    suffix : str, optional
        Kind of file to take where an exposure has several, such as ``flc``.
    output_dir : str or path
        Folder of the masks; made when missing.
    overwrite : bool
        Replace a file of a mask's name even if it is no mask of that shape.
    jobs : int, optional
        Chips at the same time; as many as there are processors, up to four, if None.
    executor : concurrent.futures.Executor, optional
        Runs the chips instead of threads of our own.
    progress : callable, optional
        Called with the number of chips done and the number of all chips.

    Returns
    -------
    list of StaticMask
        One for each signature, sorted by file name; ``mask.path`` is where it
        was written and ``mask.array`` its pixels, int16, 1 good and 0 bad.

    Raises
    ------
    ConfigError
        If a parameter is wrong.
    InputError, ExposureError
        If an input is missing or unusable; nothing is written then.
    OutputError
        If a mask cannot be written, or a file that is no mask has its name.
    """
    words = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    given = {"input": words, "static_sig": static_sig, "sky": sky, "agree": agree,
             "final_bits": final_bits, "group": group}
    return make_masks(
        Parameters.load(None, given),
        suffix=suffix, output_dir=os.fspath(output_dir), overwrite=overwrite,
        jobs=jobs, executor=executor, progress=progress,
    )


def make_masks(
    parameters: Parameters,
    *,
    suffix: str | None = None,
    output_dir: str = ".",
    overwrite: bool = False,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> list[StaticMask]:
    """Do what `parameters` say; see `create_masks` for the rest.

    Returns
    -------
    list of StaticMask
        Empty if ``parameters.static`` is False.
    """
    if jobs is not None and jobs < 1:
        msg = f"jobs = {jobs}: expected a number of chips > 0"
        raise ConfigError(msg)
    if not parameters.static:
        log.info("static = False: no mask is made")
        return []
    with astropy_silenced():
        plans = plan_masks(
            parameters, output_dir=output_dir, suffix=suffix, overwrite=overwrite
        )
        masks = _clip(plans, parameters, jobs or default_jobs(), executor, progress)
        _refuse_empty(masks)
        _refuse_too_few(masks)
        make_folder(output_dir)
        write_masks({plan.path: mask for plan, mask in zip(plans, masks, strict=True)})
    return masks


def _clip(
    plans: Sequence[MaskPlan],
    parameters: Parameters,
    jobs: int,
    executor: Executor | None,
    progress: Progress | None,
) -> list[StaticMask]:
    """Read and clip every chip, and combine those of each signature."""
    masks = {plan.signature: _empty_mask(plan, parameters) for plan in plans}
    # Exposure by exposure rather than mask by mask: the chips of a file lie together on disk.
    tasks = sorted(
        (_Task(chip, parameters, plan.good_bits)
         for plan in plans for chip in plan.chips),
        key=lambda task: (task.chip.path, task.chip.extension),
    )
    report = progress or _say_nothing
    report(0, len(tasks))
    for done, part in enumerate(run_tasks(_clip_chip, tasks, jobs=jobs, executor=executor), 1):
        masks[part.signature].merge(part)
        report(done, len(tasks))
    for plan in plans:
        mask = masks[plan.signature]
        mask.sort_members(chip.label for chip in plan.chips)
        _warn(plan, mask)
    return list(masks.values())


def _say_nothing(_done: int, _total: int) -> None:
    """Stand in for a progress report that nobody asked for."""


def _clip_chip(task: _Task) -> PartialMask:
    """Mask of a single chip; a task of its own, for threads and processes alike."""
    parameters = task.parameters
    part = PartialMask(task.chip.signature, agree=parameters.agree)
    if task.chip.unfit:
        part.set_aside(task.chip.label, task.chip.unfit)
        return part
    data, dq = read_pixels(task.chip, reuse_memory=True)
    part.add(data, static_sig=parameters.static_sig, sky=parameters.sky,
             label=task.chip.label, dq=dq, good_bits=task.good_bits or 0)
    return part


def _empty_mask(plan: MaskPlan, parameters: Parameters) -> StaticMask:
    chip = next(chip for chip in plan.chips if not chip.unfit)
    return StaticMask(
        plan.signature,
        static_sig=parameters.static_sig,
        sky=parameters.sky,
        agree=parameters.agree,
        final_bits=parameters.final_bits,
        facts={**chip.facts, **chip.grid},
    )


def _warn(plan: MaskPlan, mask: StaticMask) -> None:
    """Say which chips were set aside, lack DQ, or may hold sources."""
    for chip, member in zip(plan.chips, mask.members, strict=True):
        if chip.unfit:
            continue  # the plan has said so
        log.debug(
            "%s: mode %.6g, rms %.6g, threshold %.6g, %d pixels below, %d by DQ",
            member.label, member.mode, member.rms, member.threshold, member.below, member.flagged,
        )
        if plan.good_bits is not None and chip.dq is None:
            log.warning("%s: no DQ extension, so no pixel counts as flagged", member.label)
        for doubt in member.doubts():
            log.warning("%s: %s", member.label, doubt)


def _refuse_empty(masks: Sequence[StaticMask]) -> None:
    """Refuse a mask that says all is good because no chip could be looked at."""
    problems = [
        f"{mask.signature.filename}: none of its {len(mask.members)} chips could be used: "
        + "; ".join(f"{member.label}: {member.unused}" for member in mask.members[:3])
        for mask in masks
        if not mask.used
    ]
    if problems:
        raise ExposureError("\n".join(problems))


def _refuse_too_few(masks: Sequence[StaticMask]) -> None:
    """Refuse a mask in which no pixel can be bad, as more votes are asked for than there are."""
    problems = [
        f"agree = {mask.agree}: only {len(mask.used)} exposures of {mask.signature.filename} "
        f"vote, so no pixel could be bad; expected at most {len(mask.used)}, or any or all"
        for mask in masks
        if mask.votes_needed > len(mask.used)
    ]
    if problems:
        raise ConfigError("\n".join(problems))
