"""What a run would read and write, as data."""

from dataclasses import dataclass
from typing import Any

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import InputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.freshness import freshness_of
from staticmask_cli.io.paths import size_of
from staticmask_cli.plan import MaskPlan, Plans, plan_masks

__all__ = ["FileSize", "Forecast", "PlannedMask", "forecast_of", "plan_run"]

_FITS_BLOCK = 2880


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
        Where it goes.
    state : str
        Of what is there now, see `Freshness`.
    why : tuple of str
        What differs.
    detector, number, shape
        Its signature; `shape` is ``(ny, nx)``.
    bytes : int
        Of its pixels in the file, headers and MEMBERS not counted.
    good_bits : int or None
        DQ bits that do not make a pixel bad; None where DQ is not read.
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
class Forecast:
    """What a run would do; the names are those of the JSON.

    Attributes
    ----------
    parameters : Parameters
        Of the run.
    files : tuple of FileSize
        What would be read, sorted.
    masks : tuple of PlannedMask
        What would be written, sorted.
    set_aside : tuple of dict
        Chips that would take no part, also those of which no mask would be made: file,
        extver and whynot.
    """

    parameters: Parameters
    files: tuple[FileSize, ...]
    masks: tuple[PlannedMask, ...]
    set_aside: tuple[dict[str, Any], ...]


def plan_run(
    parameters: Parameters, *, suffix: str | None, output_dir: str, overwrite: bool
) -> Plans:
    """Plan what `make_masks` would do with these arguments; it raises what that would raise."""
    if not parameters.static:
        return Plans()
    with astropy_silenced():
        return plan_masks(
            parameters, suffix=suffix, output_dir=output_dir, overwrite=overwrite
        )


def forecast_of(plans: Plans, parameters: Parameters) -> Forecast:
    """Say what a run with these plans would do; nothing is written.

    Raises
    ------
    InputError
        If a file has vanished since it was planned with.
    """
    files = sorted({file for plan in plans for file in plan.files})
    return Forecast(
        parameters,
        tuple(FileSize(file, _size_of(file)) for file in files),
        tuple(_planned(plan, parameters) for plan in plans),
        tuple(
            {"file": chip.label.file, "extver": chip.label.extver, "whynot": chip.unfit}
            for chip in plans.set_aside
        ),
    )


def _planned(plan: MaskPlan, parameters: Parameters) -> PlannedMask:
    ny, nx = plan.signature.shape
    freshness = freshness_of(plan, parameters)
    return PlannedMask(
        plan.path, freshness.state, freshness.why,
        plan.signature.detector, plan.signature.number, (ny, nx),
        -(-2 * ny * nx // _FITS_BLOCK) * _FITS_BLOCK,
        plan.good_bits, tuple(map(_chip, plan.chips)),
    )


def _chip(chip: Chip) -> dict[str, Any]:
    label = chip.label
    return {
        "file": label.file, "rootname": label.rootname, "extver": label.extver,
        "exptime": label.exptime, "dq": None if chip.dq is None else chip.dq.path,
        "whynot": chip.unfit,
    }


def _size_of(file: str) -> int:
    try:
        return size_of(file)
    except StaticMaskError:
        raise
    except OSError as error:
        msg = f"{file}: cannot be looked at: {error.strerror}"
        raise InputError(msg) from error
