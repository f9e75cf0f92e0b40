"""Static masks of AstroDrizzle's image objects, a part of the drop-in for drizzlepac."""

import logging
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from astropy.io import fits

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ChipError, ConfigError, ExposureError
from staticmask_cli.exposures.facts import common_facts, facts_of_chip
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.header import header_float, header_str
from staticmask_cli.masks.dates import start_of
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.signature import Signature, grid_differences
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import write_masks

__all__ = [
    "PROCSTEPS_NAME", "buildSignatureKey", "constructFilename", "numbers_of", "perform_step",
    "source_of", "staticMask", "with_effect",
]

PROCSTEPS_NAME = "Static Mask"

_WITHOUT_EFFECT = {"output", "updatewcs"}

log = logging.getLogger(__name__)

AnySignature = tuple[str, tuple[int, int], int]


def constructFilename(signature: AnySignature) -> str:
    """Return the path of a signature's mask, in the current folder."""
    return os.path.join(".", buildSignatureKey(signature))


def buildSignatureKey(signature: AnySignature) -> str:
    """Return the file name of a signature's mask.

    Only letters, digits, ``.``, ``+``, ``-`` and ``_`` of its first part are used.

    Examples
    --------
    >>> buildSignatureKey(("ACSWFC", (2048, 4096), 1))
    'ACSWFC_2048x4096_1_staticMask.fits'
    """
    part = re.sub(r"[^A-Za-z0-9.+_-]", "", str(signature[0])).lstrip(".+-")
    ny, nx = signature[1]
    return f"{part}_{int(ny)}x{int(nx)}_{int(signature[2])}_staticMask.fits"


class staticMask:
    """The static masks of image objects in memory, one for each signature.

    Parameters
    ----------
    configObj : file name, ConfigObj or dict, optional
        The source of ``static_sig``, ``sky`` and ``agree``.

    Attributes
    ----------
    static_sig : float
        The distance of the threshold below the mode, in units of the rms.
    masklist : dict
        The masks by signature.
    masknames : dict
        The paths of the masks by signature.
    """

    def __init__(self, configObj: str | Mapping[str, object] | None = None) -> None:
        parameters = Parameters.load(source_of(configObj))
        if parameters.include:
            log.warning("include = %s has no effect on image objects; include these pixels in the "
                        "masks that create makes", ", ".join(parameters.include))
        self.static_sig = parameters.static_sig
        # AstroDrizzle applies the DQ flags itself.
        self._rule = replace(parameters.rule, final_bits=None)
        self.masklist: dict[AnySignature, StaticMask] = {}
        self.masknames: dict[AnySignature, str] = {}
        self._name_by_chip: dict[str, str] = {}

    def addMember(self, imagePtr: Any) -> None:
        """Add the chips of an image object to the masks of their signatures.

        Parameters
        ----------
        imagePtr : object
            An object with ``group``, ``getExtensions()``, ``scienceExt`` and
            ``getData("SCI,1")``.  Its chip ``imagePtr["SCI,1"]`` has a ``signature``, and
            ``outputNames``, in which the name of the mask is stored.

        Raises
        ------
        ExposureError
            If a chip has other detector pixels (subarray, binning) than those of its mask.
        ChipError
            If the pixels of a chip are not numeric.
        """
        for number in numbers_of(imagePtr):
            chip_id = f"{imagePtr.scienceExt},{number}"
            chip = imagePtr[chip_id]
            signature: AnySignature = tuple(chip.signature)
            label, facts, grid = _described(imagePtr, chip, number)
            if signature not in self.masklist:
                self.masklist[signature] = StaticMask(
                    Signature(*signature), **vars(self._rule), facts=facts
                )
                self.masknames[signature] = constructFilename(signature)
            mask = self.masklist[signature]
            _check_grid(label, grid, mask)
            mask.facts = common_facts([mask.facts, facts])
            chip.outputNames["staticMask"] = self.masknames[signature]
            self._name_by_chip[chip_id] = self.masknames[signature]
            member = mask.add(imagePtr.getData(chip_id), label=label)
            log.info("%s: mode = %9f;   rms = %7f;   static_sig = %0.2f",
                     label, member.mode, member.rms, self.static_sig)
            for warning in member.warnings():
                log.warning("%s: %s", label, warning)

    def getMaskArray(self, signature: AnySignature) -> Any:
        """Return the mask of a signature as int16, 1 good and 0 bad; None if there is none."""
        mask = self.masklist.get(tuple(signature))  # type: ignore[arg-type]
        return None if mask is None else mask.array

    def getFilename(self, signature: AnySignature) -> str | None:
        """Return the path of a signature's mask if that file exists, else None with a warning."""
        path = constructFilename(signature)
        if os.path.isfile(path):
            return path
        log.warning("the mask file of %s does not exist: %s", signature, path)
        return None

    def getMaskname(self, chipid: str) -> str:
        """Return the name of the mask of a chip that was added, such as ``"SCI,1"``.

        Raises
        ------
        ChipError
            If no chip of that name was added.
        """
        try:
            return self._name_by_chip[chipid]
        except KeyError:
            added = ", ".join(self._name_by_chip) or "none"
            msg = f"no chip {chipid!r} was added to a mask; added: {added}"
            raise ChipError(msg) from None

    def deleteMask(self, signature: AnySignature) -> None:
        """Delete the mask of a signature from memory; its file, if written, is not deleted."""
        if self.masklist.pop(tuple(signature), None) is None:  # type: ignore[arg-type]
            log.warning("there is no mask of %s", signature)

    def saveToFile(self, imageObjectList: Sequence[Any]) -> None:
        """Write the masks to files, or save them in image objects that are kept in memory.

        Raises
        ------
        OutputError
            If a mask cannot be written.
        """
        masks = {self.masknames[signature]: mask for signature, mask in self.masklist.items()}
        if not imageObjectList[0].inmemory:
            write_masks(masks)
            return
        for path, mask in masks.items():
            for image in imageObjectList:
                image.saveVirtualOutputs({path: fits.PrimaryHDU(mask.array)})

    def close(self) -> None:
        """Delete all masks from memory."""
        self.masklist = {}


def numbers_of(image: Any) -> list[int]:
    """Return the EXTVER of the chips of an image object that AstroDrizzle uses."""
    return [int(n) for n in (image.getExtensions() if image.group is None else image.group)]


def _check_grid(label: ChipLabel, grid: Mapping[str, str | float], mask: StaticMask) -> None:
    """Refuse a chip of other detector pixels than those of the chips that were added before."""
    if differences := grid_differences(grid, mask.grid):
        name = buildSignatureKey(mask.signature)
        msg = (f"{label}: is of other pixels of the detector than its mask, {name} "
               f"({differences}); drizzle the exposures of each position in a run of their own, or "
               "with static=False")
        raise ExposureError(msg)


def _described(
    image: Any, chip: Any, number: int
) -> tuple[ChipLabel, dict[str, str | float], dict[str, str | float]]:
    """Return the label of a chip, the facts about it and its grid, from its headers."""
    header = getattr(chip, "header", {})
    hdus = getattr(image, "_image", None)
    primary = hdus[0].header if hdus else {}
    instrument = instrument_of(header_str(primary, "INSTRUME"))
    label = ChipLabel(
        str(getattr(image, "_filename", "")), number,
        header_str(primary, "ROOTNAME") or str(getattr(image, "rootname", "")),
        header_float(header, primary, instrument.exptime_key),
        *corners_on_sky(header, chip.signature[1]),
        start_of(header, primary),
    )
    facts, grid = facts_of_chip(header, primary)
    return label, {**facts, **grid}, grid


def source_of(configObj: str | Mapping[str, object] | None) -> str | Mapping[str, object] | None:
    """Return the source of the parameters; it is None for ``"defaults"`` and an empty name."""
    if isinstance(configObj, str) and configObj in ("", "defaults"):
        return None
    return with_effect(configObj) if isinstance(configObj, Mapping) else configObj


def with_effect(values: Mapping[str, object]) -> dict[str, object]:
    """Return parameters without those of drizzlepac's task that have no effect on masks.

    Inputs are never changed (``updatewcs``), and a name of the product (``output``), without which
    drizzlepac makes a mask for each exposure, is part of no mask.
    """
    return {name: value for name, value in values.items() if name not in _WITHOUT_EFFECT}


def perform_step(
    images: Sequence[Any],
    load: Callable[[], Parameters],
    make: Callable[[Sequence[Any], Parameters], None],
    procSteps: Any,
) -> None:
    """Make and hand over masks as a step of AstroDrizzle, and record what became of the step.

    Parameters
    ----------
    images : list
        The image objects.
    load : callable
        A function that returns the parameters of the step.
    make : callable
        A function that makes the masks of images by parameters, and hands them over.
    procSteps : object or None
        The record of processing steps.
    """
    steps = _Steps(procSteps)
    steps.begin()
    try:
        parameters = load()
        if not parameters.static:
            log.info("%s step not performed: static = False", PROCSTEPS_NAME)
            steps.skip("off")
            return
        if not isinstance(images, list | tuple) or not images:
            msg = "createStaticMask needs a list of image objects"
            raise ConfigError(msg)
        make(images, parameters)
    except BaseException:
        steps.skip("aborted")
        raise
    steps.end()


class _Steps:
    """The record of processing steps of drizzlepac, which may be None."""

    def __init__(self, steps: Any) -> None:
        self._steps = steps

    def begin(self) -> None:
        if self._steps is not None:
            self._steps.addStep(PROCSTEPS_NAME)

    def end(self) -> None:
        if self._steps is not None:
            self._steps.endStep(PROCSTEPS_NAME)

    def skip(self, reason: str) -> None:
        """Record why the step was skipped; versions without ``skipStep`` pass it to ``endStep``."""
        if self._steps is not None:
            skip = getattr(self._steps, "skipStep", self._steps.endStep)
            skip(PROCSTEPS_NAME, reason=reason)
