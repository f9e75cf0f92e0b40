"""Deciding, from headers alone, which masks a run makes of which chips."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ExposureError, InputError, OutputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.exposures.reading import read_headers, sharing
from staticmask_cli.io.paths import beside, check_writable, exists, identity_of, with_credentials
from staticmask_cli.io.urls import normalized
from staticmask_cli.masks.bitmask import good_bits
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import is_mask

__all__ = ["MaskPlan", "Plans", "good_bits_of", "plan_masks"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MaskPlan:
    """One mask that a run would write.

    Attributes
    ----------
    signature : Signature
        Of its chips.
    path : str
        Where it goes.
    chips : tuple of Chip
        What it is made from, in the order of the MEMBERS table.
    good_bits : int or None
        DQ bits that do not make a pixel bad; None where DQ is not read.
    """

    signature: Signature
    path: str
    chips: tuple[Chip, ...]
    good_bits: int | None

    @property
    def files(self) -> list[str]:
        """Files that the mask is made from, those with the DQ flags included, sorted."""
        flags = {chip.dq.path for chip in self.chips if chip.dq is not None}
        return sorted(flags.union(chip.path for chip in self.chips))


class Plans(list[MaskPlan]):
    """The masks that a run would write, sorted by path.

    Attributes
    ----------
    set_aside : tuple of Chip
        Chips that take no part, also those of which no mask would be made; `skip_reason` says why.
    """

    def __init__(self, plans: Iterable[MaskPlan] = (), set_aside: Iterable[Chip] = ()) -> None:
        super().__init__(plans)
        self.set_aside = tuple(set_aside)


def plan_masks(
    parameters: Parameters,
    *,
    output_dir: str = ".",
    suffix: str | None = None,
    overwrite: bool = False,
    update: bool = False,
    problems: Problems | None = None,
    executor: Executor | None = None,
) -> Plans:
    """Find out which masks a run would make, from headers alone; write nothing.

    Parameters
    ----------
    parameters : Parameters
        What to make them from, and how.
    output_dir : str
        Folder of the masks; it need not exist.
    suffix : str, optional
        Kind of file to take where an exposure has several, such as ``flc``.
    overwrite : bool
        Whether a mask may take the place of a file that is no such mask.
    update : bool
        Whether masks that are there are to grow; then what is there is not looked at here, and a
        mask that is there has a plan even if all its chips are set aside.
    problems : Problems, optional
        Collects what is wrong; where its run keeps going, exposures that are missing or cannot
        be used are left out and do not stop the plan unless none is left.
    executor : concurrent.futures.Executor, optional
        Reads the headers, if they are many.

    Raises
    ------
    ConfigError
        If `final_bits` names a flag that an instrument does not have.
    InputError, ExposureError
        If inputs are missing or unusable, their chips do not fit together, or
        all are set aside; every such file is named.
    OutputError
        If a mask would take the place of an input, or of a file that is no mask.
    """
    _check_current_folder()
    check_writable(output_dir)
    problems = problems or Problems()
    paths = expand_inputs(parameters.input, suffix, problems)
    chips: dict[Signature, list[Chip]] = {}
    with_dq = parameters.final_bits is not None
    for path, found in read_headers(paths, parameters.group, dq=with_dq, executor=executor):
        if isinstance(found, StaticMaskError):
            problems.leave_out(path, found)
            continue
        if found.doubt:
            log.warning("%s: %s", path, found.doubt)
        for chip in found.chips:
            members = chips.setdefault(chip.signature, [])
            members.append(sharing(chip, members[0]) if members else chip)
    problems.check(anything_left=bool(chips))
    skip_reason = [chip for members in chips.values() for chip in members if chip.skip_reason]
    _warn_of(skip_reason)
    chips = {
        key: sorted(members, key=lambda chip: chip.label.sort_key)
        for key, members in chips.items()
        if not all(chip.skip_reason for chip in members)
        or (update and os.path.lexists(_path_of(key, output_dir)))
    }
    if not chips:
        msg = "all exposures were set aside, so there is nothing to make a mask from"
        raise ExposureError(msg)
    for members in chips.values():
        _check_grid([chip for chip in members if not chip.skip_reason])
    plans = Plans((
        MaskPlan(
            signature,
            _path_of(signature, output_dir),
            tuple(members),
            good_bits_of(members[0], parameters.final_bits),
        )
        for signature, members in chips.items()
    ), skip_reason)
    plans.sort(key=lambda plan: plan.path)
    _check_paths(plans, paths)
    if not overwrite and not update:
        _check_existing(plans)
    return plans


def _path_of(signature: Signature, folder: str) -> str:
    return normalized(beside(folder, signature.filename))


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        msg = "the current folder does not exist any more; change to another one"
        raise InputError(msg) from error


def _warn_of(skip_reason: Sequence[Chip]) -> None:
    for chip in skip_reason:
        log.warning("%s: set aside: %s", chip.label, chip.skip_reason)


def good_bits_of(chip: Chip, final_bits: str | None) -> int | None:
    """DQ bits that do not make a pixel bad, by the flags of a chip's instrument."""
    name = chip.facts["INSTRUME"]
    flags = instrument_of(name).flags_of(chip.facts.get("DETECTOR", ""))
    return good_bits(final_bits, name, flags)


def _check_grid(chips: Sequence[Chip]) -> None:
    """Refuse chips of one signature that lie on different detector pixels."""
    kinds: dict[tuple[tuple[str, float], ...], list[str]] = {}
    for chip in chips:
        kinds.setdefault(tuple(chip.grid.items()), []).append(str(chip.label))
    if len(kinds) < 2:  # noqa: PLR2004
        return
    lines = [
        f"  {_grid_as_text(dict(grid))}: {', '.join(labels)}" for grid, labels in kinds.items()
    ]
    msg = (
        f"{chips[0].signature.filename}: its chips do not share a detector grid (subarrays, "
        "binning or chip differ); make the mask of each kind in a run of its own:\n"
        + "\n".join(lines)
    )
    raise ExposureError(msg)


def _grid_as_text(grid: Mapping[str, float]) -> str:
    return ", ".join(f"{key} = {value:g}" for key, value in grid.items()) or "no grid keywords"


def _check_existing(plans: Sequence[MaskPlan]) -> None:
    """Refuse to replace what is not a mask of the same detector."""
    strangers = [
        plan.path
        for plan in plans
        if exists(plan.path) and not is_mask(plan.path, plan.signature.shape)
    ]
    if strangers:
        msg = (
            f"{', '.join(strangers)}: exists and is not a static mask of that shape; "
            "move it away, or use --overwrite"
        )
        raise OutputError(msg)


def _check_paths(plans: Sequence[MaskPlan], inputs: Sequence[str]) -> None:
    """Refuse masks that would overwrite an input or each other."""
    taken = {identity_of(path): f"the input {path}" for path in inputs}
    for plan in plans:
        # Some file systems do not tell upper from lower case.
        names = {with_credentials(plan.path), with_credentials(plan.path).lower()}
        for place in set(map(identity_of, names)):
            if place in taken:
                msg = f"{plan.path}: this mask would take the place of {taken[place]}"
                raise OutputError(msg)
            taken[place] = f"the mask of {plan.signature}"
