"""The way from inputs to masks: expand, read, clip, combine, write."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace

from staticmask_cli.batches import cut, run_batches
from staticmask_cli.config import Parameters
from staticmask_cli.engine import jobs_of
from staticmask_cli.errors import ConfigError, ExposureError
from staticmask_cli.files import make_folder
from staticmask_cli.fitsfile import astropy_silenced
from staticmask_cli.mask import PartialMask
from staticmask_cli.maskfile import StaticMask, write_masks
from staticmask_cli.member import ChipLabel
from staticmask_cli.pictures import picture_of
from staticmask_cli.plan import MaskPlan, plan_masks
from staticmask_cli.plots import check_plot
from staticmask_cli.scheduler import scheduled

__all__ = ["Masks", "Progress", "create_masks", "make_masks"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with the chips that are done and the chips there are."""


class Masks(list[StaticMask]):
    """The masks that a run wrote, sorted by file name.

    Attributes
    ----------
    left_out : dict of str to str
        What a run with `keep_going` had to leave out, and why: exposures, chips
        (``a_flt.fits[SCI,2]``), and masks of which no chip was left.
    """

    def __init__(self, masks: Iterable[StaticMask] = (),
                 left_out: Mapping[str, str] | None = None) -> None:
        super().__init__(masks)
        self.left_out = dict(left_out or {})


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
    keep_going: bool = False,
    plot: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
) -> Masks:
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
    keep_going : bool
        Set exposures aside that are missing or unreadable, instead of stopping at
        them: they are warned of, stand in MEMBERS as unused, with the reason, and are
        in ``left_out`` of what is returned.  One of which not even the headers can be read
        stands in the MEMBERS of every mask, with EXTVER 0.
    plot : str or path, optional
        A picture to draw, ``.png``, ``.pdf`` or ``.svg`` (needs matplotlib): the masks, and
        some of their exposures' pixels near the sky.
    jobs : int, optional
        Chips at the same time; as many as there are processors, up to four, if None.  With
        `executor` or `scheduler`, batches of chips under way; two for each worker if None.
    executor : concurrent.futures.Executor, optional
        Its workers read and clip, instead of threads of our own.
    scheduler : str, optional
        Address of a Dask scheduler (``tcp://host:8786``) whose workers do that, or ``local``
        for processes on this machine.  Needs `distributed`.
    progress : callable, optional
        Called with the number of chips done and the number of all chips.

    Returns
    -------
    Masks
        A list with one `StaticMask` for each signature, sorted by file name;
        ``mask.path`` is where it was written and ``mask.array`` its pixels,
        int16, 1 good and 0 bad.

    Raises
    ------
    ConfigError
        If a parameter is wrong.
    InputError, ExposureError
        If an input is missing or unusable, or with `keep_going` all of them are;
        nothing is written then.
    OutputError
        If a mask or picture cannot be written, or a file that is no mask has its name.
    ClusterError
        If the scheduler does not answer or is lost, or its workers die time and again.
    """
    words = [inputs] if isinstance(inputs, str | os.PathLike) else list(inputs)
    given = {"input": words, "static_sig": static_sig, "sky": sky, "agree": agree,
             "final_bits": final_bits, "group": group}
    parameters = Parameters.load(None, given)
    with scheduled(scheduler, executor=executor, jobs=jobs) as workers:
        return make_masks(
            parameters,
            suffix=suffix, output_dir=os.fspath(output_dir), overwrite=overwrite,
            keep_going=keep_going, plot=plot, jobs=jobs, executor=workers, progress=progress,
        )


def make_masks(
    parameters: Parameters,
    *,
    suffix: str | None = None,
    output_dir: str = ".",
    overwrite: bool = False,
    keep_going: bool = False,
    plot: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Masks:
    """Do what `parameters` say; see `create_masks` for the rest.

    Returns
    -------
    Masks
        Empty if ``parameters.static`` is False.
    """
    if jobs is not None and jobs < 1:
        msg = f"jobs = {jobs}: expected a number of chips > 0"
        raise ConfigError(msg)
    picture = None if plot is None else os.fspath(plot)
    if picture is not None:
        check_plot(picture)
    if not parameters.static:
        log.info("static = False: no mask is made")
        return Masks()
    left_out: dict[str, str] | None = {} if keep_going else None
    with astropy_silenced():
        plans = plan_masks(
            parameters, output_dir=output_dir, suffix=suffix, overwrite=overwrite,
            left_out=left_out, executor=executor,
        )
        for path, reason in (left_out or {}).items():
            log.warning("%s: left out: %s", path, reason)
        for plan in plans:
            log.debug("%s: to be made of %d chips in %d files", plan.path, len(plan.chips),
                      len(plan.files))
        masks = _clip(plans, parameters, jobs, executor, progress, left_out=left_out)
        named = {plan.path: mask for plan, mask in zip(plans, masks, strict=True)}
        named = _without_empty(named, left_out)
        _refuse_too_few(named.values())
        make_folder(output_dir)
        with ExitStack() as stack:  # so that there is a picture only if there are the masks
            if picture is not None:
                drawn = [plan for plan in plans if plan.path in named]
                stack.enter_context(picture_of(
                    drawn, list(named.values()), picture, executor=executor,
                    jobs=jobs or jobs_of(executor),
                ))
            write_masks(named)
    return Masks(named.values(), left_out)


def _clip(
    plans: Sequence[MaskPlan],
    parameters: Parameters,
    jobs: int | None,
    executor: Executor | None,
    progress: Progress | None,
    *,
    left_out: dict[str, str] | None,
) -> list[StaticMask]:
    """Read and clip every chip, and combine those of each signature."""
    unopened = {ChipLabel(path, extver=0): why for path, why in sorted((left_out or {}).items())}
    masks = {plan.signature: _empty_mask(plan, parameters) for plan in plans}
    report = progress or _say_nothing
    done, total = 0, sum(len(plan.chips) for plan in plans)
    report(0, total)
    batches = cut(plans, parameters, keep_going=left_out is not None,
                  jobs=jobs or jobs_of(executor), alone=executor is None)
    for count, share in run_batches(batches, jobs=jobs, executor=executor):
        if share is not None:
            masks[share.mask.signature].merge(share.mask)
            _log(share.mask)
            if left_out is not None:
                left_out.update(share.left_out)
        if count:
            done += count
            report(done, total)
    for plan in plans:
        mask = masks[plan.signature]
        mask.sort_members(chip.label for chip in plan.chips)
        # Those that came from another process have labels of their own; millions are too many.
        mask.members = [replace(member, label=chip.label)
                        for chip, member in zip(plan.chips, mask.members, strict=True)]
        _warn(plan, mask)
        for label, reason in unopened.items():
            mask.set_aside(label, reason)
    return list(masks.values())


def _say_nothing(_done: int, _total: int) -> None:
    """Stand in for a progress report that nobody asked for."""


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


def _log(part: PartialMask) -> None:
    """Put what a chip gave into the log, as soon as it is known."""
    for member in part.used:
        log.debug(
            "%s: mode %.6g, rms %.6g, threshold %.6g, %d pixels below, %d by DQ",
            member.label, member.mode, member.rms, member.threshold, member.below, member.flagged,
        )


def _warn(plan: MaskPlan, mask: StaticMask) -> None:
    """Say which chips were set aside, lack DQ, or may hold sources."""
    for chip, member in zip(plan.chips, mask.members, strict=True):
        if chip.unfit:
            continue  # the plan has said so
        if plan.good_bits is not None and chip.dq is None:
            log.warning("%s: no DQ extension, so no pixel counts as flagged", member.label)
        for doubt in member.doubts():
            log.warning("%s: %s", member.label, doubt)


def _without_empty(
    named: Mapping[str, StaticMask], left_out: dict[str, str] | None
) -> dict[str, StaticMask]:
    """Masks of which a chip was used; one without would say all is good: refuse or leave it out."""
    problems = {
        mask.signature.filename: f"none of its {len(mask.members)} chips could be used: "
        + "; ".join(f"{member.label}: {member.unused}" for member in mask.members[:3])
        for mask in named.values()
        if not mask.used
    }
    if problems and (left_out is None or len(problems) == len(named)):
        raise ExposureError("\n".join(f"{name}: {why}" for name, why in problems.items()))
    for name, why in problems.items():
        log.warning("%s: not made: %s", name, why)
    if left_out is not None:
        left_out.update(problems)
    return {path: mask for path, mask in named.items() if mask.used}


def _refuse_too_few(masks: Iterable[StaticMask]) -> None:
    """Refuse a mask in which no pixel can be bad, as more votes are asked for than there are."""
    problems = [
        f"agree = {mask.agree}: only {len(mask.used)} exposures of {mask.signature.filename} "
        f"vote, so no pixel could be bad; expected at most {len(mask.used)}, or any or all"
        for mask in masks
        if mask.votes_needed > len(mask.used)
    ]
    if problems:
        raise ConfigError("\n".join(problems))
