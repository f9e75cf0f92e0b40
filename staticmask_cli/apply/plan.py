"""Which masks belong to which chips of the exposures, and what they set in their DQ arrays."""

import logging
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from staticmask_cli._version import __version__
from staticmask_cli.apply.bits import DQBits
from staticmask_cli.apply.copying import FileCopy, Patch
from staticmask_cli.apply.destinations import HISTORY, check_existing
from staticmask_cli.apply.dq_array import DQArray, read_dq_arrays
from staticmask_cli.apply.flags import ChipFlags, flags_of
from staticmask_cli.apply.mask_file import MaskFile
from staticmask_cli.errors import (
    ConfigError,
    ExposureError,
    InputError,
    OutputError,
    StaticMaskError,
    first_few,
)
from staticmask_cli.exposures.dq import companion_of
from staticmask_cli.exposures.exposure import Chip, Exposure
from staticmask_cli.exposures.extensions import FileForm
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.exposures.reading import read_headers
from staticmask_cli.fits.cards import history
from staticmask_cli.io.paths import folder_of_file, join_path
from staticmask_cli.masks.members_table import as_ascii

__all__ = ["ExposureCopy", "plan_copies"]

log = logging.getLogger(__name__)

Masks = tuple[MaskFile, ...]


class ExposureCopy(NamedTuple):
    """The copy of an exposure.

    Attributes
    ----------
    path : str
        The path of the copy.
    files : tuple of FileCopy
        The exposure, and the file with its DQ flags if that is another one.
    chips : int
        The number of its DQ arrays in which flags are set.
    """

    path: str
    files: tuple[FileCopy, ...]
    chips: int


def plan_copies(
    targets: Mapping[str, str], masks: Sequence[MaskFile], bits: DQBits, grow: int,
    form: FileForm,
) -> list[ExposureCopy]:
    """Plan the copies of exposures, from their headers; nothing is written.

    Parameters
    ----------
    targets : mapping of str to str
        The path of the copy of each exposure.
    masks : sequence of MaskFile
        The masks.
    bits : DQBits
        What is set in DQ.
    grow : int
        The distance in pixels by which bad pixels grow.
    form : FileForm
        What the user says of exposures of another form.

    Raises
    ------
    ConfigError
        If the bits of an instrument have to be given, or do not fit into its DQ.
    InputError, ExposureError
        If an exposure cannot be used, has no mask, or flags cannot be set in its DQ.
    OutputError
        If a copy would replace another file.
    """
    problems, planner = Problems(), _Planner(masks, bits, grow)
    copies = []
    for path, found in read_headers(list(targets), form=form):
        try:
            if isinstance(found, StaticMaskError):
                raise found
            copies.append(planner.copy_of(found, targets[path]))
        except (ConfigError, OutputError):
            raise
        except StaticMaskError as error:
            problems.refuse(error)
    problems.check()
    planner.log_what_is_left()
    return copies


@dataclass
class _Planner:
    """The masks of a run, and what was found out about them so far."""

    masks: Sequence[MaskFile]
    bits: DQBits
    grow: int
    # The flags of a chip by its masks, their positions in it, its shape and the bits.
    flags: dict[object, ChipFlags] = field(default_factory=dict)
    without_mask: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    applied: dict[Masks, list[str]] = field(default_factory=lambda: defaultdict(list))
    grids: dict[MaskFile, Chip] = field(default_factory=dict)

    def copy_of(self, exposure: Exposure, target: str) -> ExposureCopy:
        """Plan the copy of an exposure."""
        chips = [(chip, self._masks_of(chip)) for chip in exposure.chips]
        masked = {chip: masks for chip, masks in chips if masks}
        if not masked:
            raise ExposureError(self._no_mask(exposure))
        for chip, masks in masked.items():
            if chip.dq is None:
                raise ExposureError(_no_dq(chip))
            self.applied[masks].append(str(chip.label))
        for chip, masks in chips:
            if not masks:
                self.without_mask[chip.signature.filename].append(str(chip.label))
        return self._planned(exposure.path, target, masked)

    def _masks_of(self, chip: Chip) -> Masks:
        masks = tuple(mask for mask in self.masks if mask.is_of(chip) and mask.overlaps(chip))
        for mask in masks:
            other = self.grids.setdefault(mask, chip)
            if mask.grid is None and other.grid != chip.grid:
                msg = (f"{mask.path}: which detector pixels it is of is not in its header, and "
                       f"{other.label} and {chip.label} have different ones; apply it to each in "
                       "a run of its own")
                raise ExposureError(msg)
        return masks

    def _planned(
        self, path: str, target: str, masked: Mapping[Chip, Masks]
    ) -> ExposureCopy:
        sources = {chip: chip.dq for chip in masked if chip.dq is not None}
        (dq_path,) = {source.path for source in sources.values()}
        arrays, stamp = read_dq_arrays(
            dq_path, {source.extension: str(chip.label) for chip, source in sources.items()}
        )
        if any(source.stamp != stamp for source in sources.values()):
            msg = f"{dq_path}: was changed while its headers were read; run it again"
            raise InputError(msg)
        patches = sorted(
            (self._patch(chip, masked[chip], arrays[source.extension])
             for chip, source in sources.items()),
            key=lambda patch: patch.array.header_start,
        )
        if dq_path == path:
            check_existing(path, target)
            files: tuple[FileCopy, ...] = (FileCopy(path, target, stamp, tuple(patches)),)
        else:
            dq_target = join_path(folder_of_file(target), os.path.basename(dq_path))
            check_existing(dq_path, dq_target)
            check_existing(path, target, companion=dq_target)
            files = (FileCopy(dq_path, dq_target, stamp, tuple(patches)),
                     FileCopy(path, target, next(iter(masked)).stamp))
        return ExposureCopy(target, files, len(patches))

    def _patch(self, chip: Chip, masks: Masks, array: DQArray) -> Patch:
        if array.shape != chip.signature.shape:
            msg = (f"{chip.label}: expected DQ flags of shape {chip.signature.shape}, found "
                   f"{array.shape}")
            raise ExposureError(msg)
        bits = self.bits.of_chip(chip)
        for number in bits.values():
            if number >> array.bits:
                msg = (f"dq_bit = {number}: does not fit into the {array.bits} bits of the DQ of "
                       f"{chip.label}; expected bits up to {1 << array.bits - 1}")
                raise ConfigError(msg)
        placed = [(mask, mask.offset_of(chip)) for mask in masks]
        key = (*placed, array.shape, *bits.items())
        flags = self.flags.get(key)
        if flags is None:
            flags = self.flags[key] = flags_of(placed, array.shape, bits, self.grow)
        entries = tuple(
            _entry(mask, count, bits, self.grow)
            for mask, count in zip(masks, flags.counts, strict=True)
        )
        return Patch(array, flags, entries)

    def _no_mask(self, exposure: Exposure) -> str:
        names = first_few([chip.signature.filename for chip in exposure.chips])
        there = first_few([mask.path for mask in self.masks])
        return (f"{exposure.path}: none of the masks is of its chips: expected {names}, or masks "
                f"that overlap with them; found {there}")

    def log_what_is_left(self) -> None:
        """Warn of chips without a mask and masks without a chip, and name chips with several."""
        for name, labels in self.without_mask.items():
            log.warning("%s: no mask is of this chip, and its DQ stays as it is; expected %s",
                        first_few(labels), name)
        for masks, labels in self.applied.items():
            if len(masks) > 1:
                log.info("%s are all applied to %s", " and ".join(m.path for m in masks),
                         first_few(labels))
        used = {mask for masks in self.applied for mask in masks}
        for mask in self.masks:
            if mask not in used:
                log.warning("%s: is of none of these exposures, and is not applied", mask.path)


def _no_dq(chip: Chip) -> str:
    where = f"no extension DQ,{chip.label.extver}"
    companion = companion_of(chip.path, chip.facts["INSTRUME"])
    if companion is not None:
        where += f", and no such image in {companion}; copy that file there"
    return (f"{chip.label}: has no DQ array that can be flagged: {where}; programs that take a "
            "mask by itself do not need it in DQ")


def _entry(mask: MaskFile, count: int, bits: Mapping[str, int], grow: int) -> list[bytes]:
    """Return the HISTORY cards of a mask in a DQ array."""
    values = ", ".join(f"{name}={bit}" if name else str(bit) for name, bit in bits.items())
    how = f" and up to {grow} pixels from there" if grow else ""
    return [
        *history(HISTORY.format(version=__version__) + as_ascii(mask.name)),
        *history(f"  {values} set where it is 0{how}, in {count} pixels"),
    ]
