"""Make masks of exposures: plan, process the chips, combine, write."""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from operator import sub

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.urls import redacted
from staticmask_cli.io.user_path import output_path
from staticmask_cli.masks.findings import Finding
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.parallel.dask_cluster import connected_executor
from staticmask_cli.parallel.tasks import jobs_of
from staticmask_cli.pipeline.arguments import check_arguments, names_of
from staticmask_cli.pipeline.combine import clip_and_combine, split_with_progress
from staticmask_cli.pipeline.masks import Masks
from staticmask_cli.pipeline.plan import plan_masks
from staticmask_cli.pipeline.update import MaskUpdate, NewMasks, merge_members
from staticmask_cli.pipeline.voters import refuse_too_few_planned
from staticmask_cli.pipeline.write import Picture, write_all

__all__ = ["Masks", "Progress", "create_masks", "make_masks"]

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""A function that is called with the number of chips done and the number of all chips."""


_FOR_ARRAYS = (
    "; to make a mask of arrays: mask = StaticMask(Signature('CAMERA', (ny, nx), 1)); "
    "mask.add(array, label='a'); mask.write('mask.fits')"
)


def create_masks(
    inputs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    static_sig: float = 4.0,
    sky: str = "global",
    agree: str | float = "any",
    final_bits: str | int | None = None,
    high: bool = False,
    least_depth: float = 0.5,
    group: str | float | None = None,
    name: str = "{signature}",
    instrument: str | None = None,
    sci_ext: str | None = None,
    dq_ext: str | None = None,
    include: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    include_bad: int | None = None,
    suffix: str | None = None,
    output_dir: str | os.PathLike[str] = ".",
    overwrite: bool = False,
    update: bool = False,
    checkpoint: int | None = None,
    keep_going: bool = False,
    plot: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    scheduler: str | None = None,
    progress: Progress | None = None,
    write: bool = True,
) -> Masks:
    """Make the static masks of a set of exposures and write them.

    Parameters
    ----------
    inputs : str, path, or several of them
        The exposures, as paths, wildcards, comma lists, ``@list`` or association tables; files
        are opened read-only.
    static_sig : float
        A pixel is low when it lies below ``mode - static_sig * rms``.
    sky : str
        ``global`` takes the mode and the rms of the chip, as drizzlepac does; ``local`` takes
        those of the sky around each pixel, for fields that are not flat.
    agree : str, int or float
        The number of exposures in which a pixel must be bad: ``any``, ``all``, a count (2), or a
        fraction of the exposures that vote (0.5).  Under the local rule a count or a fraction is
        one of pointings: exposures of the same pixels of the sky, within 2 pixels by the
        coordinates in their headers, have one vote together.
    final_bits : str, int or None
        The DQ bits that do *not* make a pixel bad, in any syntax of astropy's
        ``interpret_bit_flags``; with None, DQ is not read.
    high : bool
        Whether pixels that are too high are bad, too; only with ``agree="joint"``.
    least_depth : float
        The smallest mean distance from the sky, in units of the noise of one exposure, of a pixel
        that is bad by ``agree="joint"``.
    group : str, int or None
        The FITS extensions to use in every exposure, ``1``, ``"1,4"`` or ``"sci,2"``.
    name : str
        The name of a mask without ``_staticMask.fits``: letters, digits and fields of its
        exposures, ``{signature}`` (such as ``ACSWFC_2048x4096_1``), ``{filter}``, ``{position}``
        of a subarray, ``{visit}`` and ``{exptime}``.  Exposures of different names go into
        different masks.
    instrument, sci_ext, dq_ext : str, optional
        For files of other forms: the name of a camera without INSTRUME; wildcards for the EXTNAME
        of the chips, ``"S*,N*"``, and of the DQ flags, ``"BPM*"``; or ``"OLD=NEW"`` if these are in
        a file whose name has NEW in the place of OLD.
    include : str, path, or several of them, optional
        Files with pixels that are bad whatever the exposures show: masks, the forms that
        ``staticmask export`` writes, images of whole numbers, bad pixel tables of HST, region
        files of ds9.  ``MASK=FILE`` says which mask a file is for, by the name of the mask without
        ``_staticMask.fits``.
    include_bad : int, optional
        1 if all values but 0 are bad in included images that do not say so, 0 if 0 is bad.
    suffix : str, optional
        The kind of file to use where an exposure has several, such as ``flc``.
    output_dir : str or path
        The folder of the masks; made when missing.
    overwrite : bool
        Whether to replace whatever has the name of a mask.  Without it, a file that is no mask,
        or a mask of other detector pixels, is an error; a mask of other exposures, or made with
        other parameters, is replaced with a warning.
    update : bool
        Whether to add the exposures to masks in `output_dir`, which must have been made with the
        same parameters and of the same detector pixels.  Members are not read again, unless they
        were set aside unread.  The masks equal those of one run over all members.
    checkpoint : int, optional
        With `update`, the number of exposures after which the masks are written each time, so
        that the same call continues from there if the run is interrupted.
    keep_going : bool
        Whether to set exposures aside that are missing or unreadable, instead of stopping.  They
        are warned of, are listed in MEMBERS as unused, with the reason, and in ``left_out`` of
        the result.  An exposure whose headers cannot be read is listed in the MEMBERS of every
        mask, with EXTVER 0.
    plot : str or path, optional
        The path of a picture to draw, ``.png``, ``.pdf`` or ``.svg`` (needs matplotlib): the
        masks, and the pixels near the sky of some exposures.
    jobs : int, optional
        The number of chips at the same time; if None, the number of processors, up to four, or
        one if all chips are small (fewer than 131,072 pixels) and `sky` is ``"global"``.
        With `executor` or `scheduler`, the number of batches; if None, two for each worker.
    executor : concurrent.futures.Executor, optional
        An executor whose workers read and clip the chips, instead of threads.
    scheduler : str, optional
        The address of a Dask scheduler (``tcp://host:8786``) whose workers do the same, or
        ``local`` for processes on this machine.  Needs `distributed`.
    progress : callable, optional
        A function that is called with the number of chips done and the number of all chips.  By
        default, a notebook shows a bar.
    write : bool
        Whether to write the masks to files.  If not, `output_dir` and `overwrite` have no effect.

    Returns
    -------
    Masks
        A list with one `StaticMask` for each name, by default that of a signature (detector,
        shape, chip number), sorted by file name; ``mask.path`` is the path of its file and
        ``mask.array`` holds its pixels, int16, 1 good and 0 bad.

    Raises
    ------
    ConfigError
        If a parameter is wrong.
    InputError, ExposureError
        If an input is missing or unusable, or with `keep_going` all of them are;
        nothing is written then.
    OutputError
        If a mask or picture cannot be written or its name belongs to a file that is not a mask
        of the same detector pixels, or with `update`, if a mask on disk was made in another way
        or members have changed.
    ClusterError
        If the scheduler does not answer or is lost, or its workers die repeatedly.
    """
    lists = [] if include is None else names_of(include, "include")
    given = {"input": names_of(inputs, "inputs", _FOR_ARRAYS), "static_sig": static_sig,
             "sky": sky, "agree": agree, "final_bits": final_bits, "high": high,
             "least_depth": least_depth, "group": group, "name": name, "instrument": instrument,
             "sci_ext": sci_ext, "dq_ext": dq_ext, "include": lists, "include_bad": include_bad}
    parameters = Parameters.load(None, given)
    with connected_executor(scheduler, executor=executor, jobs=jobs) as workers:
        return make_masks(
            parameters,
            suffix=suffix, output_dir=output_path(output_dir), overwrite=overwrite,
            update=update, checkpoint=checkpoint, keep_going=keep_going,
            plot=None if plot is None else output_path(plot), jobs=jobs,
            executor=workers, progress=progress, write=write,
        )


def make_masks(
    parameters: Parameters,
    *,
    suffix: str | None = None,
    output_dir: str = ".",
    overwrite: bool = False,
    update: bool = False,
    checkpoint: int | None = None,
    keep_going: bool = False,
    plot: str | os.PathLike[str] | None = None,
    jobs: int | None = None,
    executor: Executor | None = None,
    progress: Progress | None = None,
    write: bool = True,
) -> Masks:
    """Make the masks that `parameters` describe; the other arguments are those of `create_masks`.

    Returns
    -------
    Masks
        Empty if ``parameters.static`` is False.
    """
    output_dir = redacted(output_dir)
    check_arguments(jobs, checkpoint, output_dir, update=update, overwrite=overwrite, write=write)
    picture = None if plot is None else Picture(
        redacted(os.fspath(plot)), jobs=jobs or jobs_of(executor), executor=executor
    )
    if not parameters.static:
        log.info("static = False: no mask is made")
        return Masks()
    problems, times = Problems(keep_going=keep_going), [time.monotonic()]
    with astropy_silenced():
        plans = plan_masks(
            parameters, output_dir=output_dir, suffix=suffix, update=update, problems=problems,
            executor=executor, write=write,
        )
        if not update:  # masks on disk may have the others
            refuse_too_few_planned(plans, parameters.rule)
        if write and not (update or overwrite) and plans.existing:
            from staticmask_cli.pipeline.replaced import check_replaced  # noqa: PLC0415

            check_replaced(plans.existing, parameters, problems.warn)
        unopened = dict(problems.left_out)
        for path, reason in unopened.items():
            problems.warn(Finding(path, f"left out: {reason}", "exposures are left out",
                                  "fetch them again, or correct them", is_clear=True))
        work = MaskUpdate(plans, parameters, unopened) if update else NewMasks(plans)
        process = partial(clip_and_combine, rule=parameters.rule, jobs=jobs, executor=executor,
                          problems=problems, unopened=unopened)
        times.append(time.monotonic())
        fresh, done = _process(work, process, checkpoint, progress or _usual_progress())
        times.append(time.monotonic())
        masks = write_all(work, fresh, done, output_dir=output_dir, problems=problems,
                          picture=picture, write=write)
    times.append(time.monotonic())
    seconds = dict(zip(("headers", "chips", "masks"), map(sub, times[1:], times), strict=False))
    return Masks(masks.values(), problems.left_out, problems.findings, seconds)


def _process(
    work: NewMasks, process: Callable[..., list[StaticMask]], checkpoint: int | None,
    progress: Progress,
) -> tuple[dict[str, StaticMask], dict[str, StaticMask]]:
    """Process the chips of all plans, and write the masks at each checkpoint.

    Returns
    -------
    fresh, done : dict of str to StaticMask
        By path, the masks of new exposures that are to be written, and the complete masks that
        are on disk.
    """
    fresh: dict[str, StaticMask] = {}
    done = dict(work.unchanged)
    for plan in work.to_do:
        log.debug("%s: to be made of %d chips in %d files", plan.path, len(plan.chips),
                  len(plan.files))
    for plans, report in split_with_progress(work.to_do, checkpoint, progress):
        if fresh:
            done |= work.save(fresh, done)
        for plan, mask in zip(plans, process(plans, report=report), strict=True):
            if plan.path in fresh:
                merge_members(fresh[plan.path], mask)
            else:
                fresh[plan.path] = mask
    return fresh, done


def _usual_progress() -> Progress:
    """Return a bar if this is a notebook, where its kernel is a module."""
    if "ipykernel" not in sys.modules:
        return lambda _done, _total: None
    from staticmask_cli.pipeline.notebook import NotebookBar  # noqa: PLC0415 - only there

    return NotebookBar()
