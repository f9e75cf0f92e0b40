"""Apply static masks to exposures: copies of these, whose DQ arrays have the bad pixels flagged."""

import logging
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias, cast

from staticmask_cli.apply.bits import DQBits
from staticmask_cli.apply.copying import write_copies
from staticmask_cli.apply.destinations import targets_in
from staticmask_cli.apply.mask_file import read_mask
from staticmask_cli.apply.plan import ExposureCopy, plan_copies
from staticmask_cli.errors import ConfigError
from staticmask_cli.exposures.extensions import FileForm
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.disk import make_folder
from staticmask_cli.io.user_path import output_path
from staticmask_cli.parallel.tasks import default_jobs, run_tasks

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["apply_masks", "check_targets"]

log = logging.getLogger(__name__)

Word = str | os.PathLike[str]
Words = Word | Iterable[Word]
Masks: TypeAlias = "Words | StaticMask | Iterable[StaticMask]"
Progress = Callable[[int, int], None]

_FARTHEST = 100  # pixels that a bad pixel may grow


def apply_masks(
    masks: Masks,
    inputs: Words,
    *,
    output_dir: str | os.PathLike[str],
    dq_bit: str | int | None = None,
    grow: int = 0,
    instrument: str | None = None,
    sci_ext: str | None = None,
    dq_ext: str | None = None,
    suffix: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Flag the bad pixels of masks in the DQ arrays of copies of exposures.

    A mask belongs to the chips of its detector, at the same detector pixels: of the mask of a full
    frame the part is taken that an exposure of a subarray has, and the mask of a subarray sets its
    part of a full frame.  All masks of a chip are applied to it.  Exposures are opened read-only.
    Apart from the DQ pixels, the HISTORY of their header, and CHECKSUM and DATASUM there if it has
    them, a copy has the bytes of the exposure.

    Parameters
    ----------
    masks : str, path, StaticMask, or several of them
        The masks, as paths, wildcards, comma lists or ``@list``, or as `create_masks` returned
        them; 1 is good and 0 bad.  Masks of drizzlepac are known by their names, as in
        ``ACSWFC_2048x4096_1_staticMask.fits``.
    inputs : str, path, or several of them
        The exposures, as for `create_masks`.
    output_dir : str or path
        The folder of the copies; made when missing.  It must not be that of an exposure.
    dq_bit : str, int or None
        The DQ bits to set: a number, several joined by ``,`` or ``+``, names of the instrument's
        flags, or bits for each cause of a bad pixel, as in ``low=4,line=128`` (`low` is global and
        local; causes that are not named set no bit).  None takes the bit of the instrument for a
        bad pixel of the detector.
    grow : int
        The distance in pixels by which bad pixels grow, along rows and columns, from 0 to 100.
    instrument, sci_ext, dq_ext : str, optional
        As for `create_masks`.
    suffix : str, optional
        The kind of file to use where an exposure has several, such as ``flc``.
    jobs : int, optional
        The number of exposures that are copied at the same time; if None, the number of
        processors, up to four.
    progress : callable, optional
        A function that is called with the number of chips done and the number of all chips.

    Returns
    -------
    list of str
        The paths of the copies, in the order of the exposures.  WFPC2 has its DQ flags in files of
        their own, whose copies lie beside them.

    Raises
    ------
    ConfigError
        If a parameter is wrong, or `dq_bit` must be given for an instrument or does not fit.
    InputError, ExposureError
        If an input is missing or unusable, or an exposure has no mask; nothing is written then.
    OutputError
        If a copy cannot be written, or would replace an exposure or a file that is not a copy of
        an earlier call.  Each copy is written whole or not at all; those written before stay.
    """
    if isinstance(grow, bool) or not isinstance(grow, int) or not 0 <= grow <= _FARTHEST:
        msg = f"grow = {grow}: expected a number of pixels from 0 to {_FARTHEST}"
        raise ConfigError(msg)
    if jobs is not None and jobs < 1:
        msg = f"jobs = {jobs}: expected a number of exposures > 0"
        raise ConfigError(msg)
    bits = DQBits.of(dq_bit)
    form = FileForm(instrument or "", sci_ext or "", dq_ext or "")
    with astropy_silenced():
        targets = check_targets(inputs, output_dir, suffix=suffix)
        files = [
            read_mask(path, causes=bool(bits.by_cause))
            for path in expand_inputs(_words_of(masks))
        ]
        copies = plan_copies(targets, files, bits, grow, form)
        _write(copies, output_path(output_dir), jobs or default_jobs(), progress)
    return [copy.path for copy in copies]


def check_targets(
    inputs: Words, output_dir: str | os.PathLike[str], *, suffix: str | None = None
) -> dict[str, str]:
    """Return the path of the copy of each exposure; the arguments are those of `apply_masks`.

    Raises
    ------
    InputError
        If an input is missing.
    OutputError
        If a copy cannot have such a path.
    """
    return targets_in(output_path(output_dir), expand_inputs(_words_of(inputs), suffix))


def _words_of(values: Masks) -> list[str]:
    """Return the words of a user for files, whatever their type."""
    several = isinstance(values, Iterable) and not isinstance(values, str | os.PathLike)
    words = [
        value if isinstance(value, str | os.PathLike) else value.path
        for value in cast("Iterable[Word | StaticMask]", values if several else [values])
    ]
    if None in words:
        msg = "masks: one of them is not in a file; expected masks that were written"
        raise ConfigError(msg)
    return [os.fspath(word) for word in words if word is not None]


def _write(
    copies: list[ExposureCopy], output_dir: str, jobs: int, progress: Progress | None
) -> None:
    """Write all copies, several at a time."""
    make_folder(output_dir)
    done, total = 0, sum(copy.chips for copy in copies)
    report = progress or (lambda _done, _total: None)
    report(done, total)
    for chips in run_tasks(_write_one, copies, jobs=min(jobs, len(copies))):
        done += chips
        report(done, total)


def _write_one(copy: ExposureCopy) -> int:
    write_copies(copy.files)
    pixels = ", ".join(
        str(patch.flags.pixels.size) for file in copy.files for patch in file.patches
    )
    log.debug("%s: pixels flagged in each chip: %s", copy.path, pixels)
    return copy.chips
