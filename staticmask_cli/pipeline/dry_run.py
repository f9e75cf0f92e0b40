"""What a run would read and write, as data: the command ``staticmask plan``."""

import math
from dataclasses import dataclass
from typing import Any

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import InputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.paths import size_of
from staticmask_cli.pipeline.existing import mask_status
from staticmask_cli.pipeline.plan import MaskPlan, Plans, plan_masks

__all__ = ["DryRun", "PlannedMask", "dry_run_of", "plan_run"]

_FITS_BLOCK = 2880
_BYTES_OF_EVIDENCE = 2.7  # of a pixel, as compressed in a mask of nine exposures of ACS/WFC


@dataclass(frozen=True)
class FileSize:
    """A file that would be read, and its size in bytes."""

    file: str
    bytes: int


@dataclass(frozen=True)
class PlannedMask:
    """A mask that would be written; the names are those of the JSON.

    Attributes
    ----------
    path : str
        The path of the mask file.
    state : str
        The state of a file that is there now, as in `MaskStatus`.
    why : tuple of str
        The differences between that file and the mask that would be written.
    detector, number, shape
        The signature; `shape` is ``(ny, nx)``.
    bytes : int
        The size of the pixels in the file, without headers and MEMBERS.  That of the compressed
        evidence of ``agree = joint`` is an estimate.
    good_bits : int or None
        The DQ bits that do not make a pixel bad; None where DQ is not read.
    chips : tuple of dict
        One for each member: file, rootname, extver, exptime, dq (the file that holds its
        flags, or None) and whynot (why it is set aside; empty if it is not).
    """

    path: str
    state: str
    why: tuple[str, ...]
    detector: str
    number: int
    shape: tuple[int, int]
    bytes: int
    good_bits: int | None
    chips: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class DryRun:
    """What a run would do; the names are those of the JSON.

    Attributes
    ----------
    parameters : Parameters
        The parameters of the run.
    files : tuple of FileSize
        The files that would be read, sorted.
    masks : tuple of PlannedMask
        The masks that would be written, sorted.
    set_aside : tuple of dict
        The chips that would not be used, each with file, extver and whynot; also those of masks
        that would not be made.
    """

    parameters: Parameters
    files: tuple[FileSize, ...]
    masks: tuple[PlannedMask, ...]
    set_aside: tuple[dict[str, Any], ...]


def plan_run(
    parameters: Parameters, *, suffix: str | None, output_dir: str, overwrite: bool
) -> Plans:
    """Plan a run as `make_masks` does, with the same errors."""
    if not parameters.static:
        return Plans()
    with astropy_silenced():
        plans = plan_masks(parameters, suffix=suffix, output_dir=output_dir)
        if not overwrite and plans.existing:
            from staticmask_cli.pipeline.replaced import check_replaced  # noqa: PLC0415

            check_replaced(plans.existing, parameters)
    return plans


def dry_run_of(plans: Plans, parameters: Parameters) -> DryRun:
    """Describe what a run with these plans would do; nothing is written.

    Raises
    ------
    InputError
        If a file has vanished since the run was planned.
    """
    files = sorted({file for plan in plans for file in plan.files})
    return DryRun(
        parameters,
        tuple(FileSize(file, _size_of(file)) for file in files),
        tuple(_planned(plan, parameters) for plan in plans),
        tuple(
            {"file": chip.label.file, "extver": chip.label.extver, "whynot": chip.skip_reason}
            for chip in plans.set_aside
        ),
    )


def _planned(plan: MaskPlan, parameters: Parameters) -> PlannedMask:
    ny, nx = plan.signature.shape
    freshness = mask_status(plan, parameters)
    return PlannedMask(
        plan.path, freshness.state, freshness.why,
        plan.signature.detector, plan.signature.number, (ny, nx),
        _size_of_mask(ny * nx, joint=parameters.rule.joint),
        plan.good_bits, tuple(map(_chip, plan.chips)),
    )


def _size_of_mask(npix: int, *, joint: bool) -> int:
    size = npix * (2 + joint * _BYTES_OF_EVIDENCE)
    return math.ceil(size / _FITS_BLOCK) * _FITS_BLOCK


def _chip(chip: Chip) -> dict[str, Any]:
    label = chip.label
    return {
        "file": label.file, "rootname": label.rootname, "extver": label.extver,
        "exptime": label.exptime, "dq": None if chip.dq is None else chip.dq.path,
        "whynot": chip.skip_reason,
    }


def _size_of(file: str) -> int:
    try:
        return size_of(file)
    except StaticMaskError:
        raise
    except OSError as error:
        msg = f"{file}: its size cannot be read: {error.strerror}"
        raise InputError(msg) from error
