"""Static masks of AstroDrizzle's image objects, a part of the drop-in for drizzlepac."""

import logging
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from astropy.io import fits

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ChipError
from staticmask_cli.masks.members import UNKNOWN_CORNERS, ChipLabel
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask, write_masks

__all__ = ["buildSignatureKey", "constructFilename", "source_of", "staticMask"]

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
        """
        chips = imagePtr.group if imagePtr.group is not None else imagePtr.getExtensions()
        for number in chips:
            chip_id = f"{imagePtr.scienceExt},{number}"
            chip = imagePtr[chip_id]
            signature: AnySignature = tuple(chip.signature)
            if signature not in self.masklist:
                self.masklist[signature] = StaticMask(Signature(*signature), **vars(self._rule))
                self.masknames[signature] = constructFilename(signature)
            chip.outputNames["staticMask"] = self.masknames[signature]
            self._name_by_chip[chip_id] = self.masknames[signature]
            header = getattr(chip, "header", None)
            corners = (
                UNKNOWN_CORNERS if header is None else corners_on_sky(header, signature[1])
            )
            label = ChipLabel(
                str(getattr(imagePtr, "_filename", "")), int(number),
                str(getattr(imagePtr, "rootname", "")), math.nan, *corners,
            )
            member = self.masklist[signature].add(imagePtr.getData(chip_id), label=label)
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


def source_of(configObj: str | Mapping[str, object] | None) -> str | Mapping[str, object] | None:
    """Return the source of the parameters; it is None for ``"defaults"`` and an empty name."""
    if isinstance(configObj, str) and configObj in ("", "defaults"):
        return None
    return configObj
