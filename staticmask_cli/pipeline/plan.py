"""Group the chips of all exposures into masks, from headers alone."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ExposureError, InputError, Lines, OutputError, StaticMaskError
from staticmask_cli.exposures.duplicates import refuse_same_exposure
from staticmask_cli.exposures.exposure import Chip, Exposure
from staticmask_cli.exposures.extensions import FileForm
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.exposures.reading import read_headers, share_attributes
from staticmask_cli.io.paths import (
    canonical_path,
    check_writable,
    exists,
    join_path,
    with_credentials,
)
from staticmask_cli.io.urls import normalized
from staticmask_cli.masks import bitmask
from staticmask_cli.masks.findings import Finding, about
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.writing import time_of_making

if TYPE_CHECKING:
    from staticmask_cli.forms.including import Included

__all__ = ["MaskPlan", "Plans", "form_of", "good_bits_of", "plan_masks"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MaskPlan:
    """One mask that a run will write.

    Attributes
    ----------
    signature : Signature
        The signature of its chips.
    path : str
        The path of the mask file.
    chips : tuple of Chip
        The chips that the mask is made from, in the order of the MEMBERS table.
    good_bits : int or None
        The DQ bits that do not make a pixel bad; None where DQ is not read.
    included : Included or None
        The pixels that are known to be bad, and the files that list them; None without any.
    """

    signature: Signature
    path: str
    chips: tuple[Chip, ...]
    good_bits: int | None
    included: "Included | None" = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name of the mask file, without the folder."""
        return os.path.basename(self.path)

    @property
    def files(self) -> list[str]:
        """The files that the mask is made from, including those with flags or lists, sorted."""
        others = {chip.dq.path for chip in self.chips if chip.dq is not None}
        others.update(() if self.included is None else self.included.files)
        return sorted(others.union(chip.path for chip in self.chips))


class Plans(list[MaskPlan]):
    """The masks that a run will write, sorted by path.

    Attributes
    ----------
    set_aside : tuple of Chip
        The chips that are not used, each with its `skip_reason`; also those of masks that are
        not made for want of other chips.
    """

    def __init__(self, plans: Iterable[MaskPlan] = (), set_aside: Iterable[Chip] = ()) -> None:
        super().__init__(plans)
        self.set_aside = tuple(set_aside)

    @property
    def existing(self) -> list[MaskPlan]:
        """The masks that have a file in their way."""
        return [plan for plan in self if exists(plan.path)]


def plan_masks(
    parameters: Parameters,
    *,
    output_dir: str = ".",
    suffix: str | None = None,
    update: bool = False,
    problems: Problems | None = None,
    executor: Executor | None = None,
    write: bool = True,
) -> Plans:
    """Plan the masks of a run, from headers alone; nothing is written.

    Parameters
    ----------
    parameters : Parameters
        The exposures, and the rule of the masks.
    output_dir : str
        The folder of the masks; it need not exist.
    suffix : str, optional
        The kind of file to use where an exposure has several, such as ``flc``.
    update : bool
        Whether masks on disk will be updated.  A mask on disk then has a plan even if all its
        chips are set aside.
    problems : Problems, optional
        Collects what is wrong; where its run keeps going, exposures that are missing or cannot
        be used are left out and do not stop the plan unless none is left.
    executor : concurrent.futures.Executor, optional
        Reads the headers, if they are many.
    write : bool
        Whether the masks will be written, so that their paths are checked.

    Raises
    ------
    ConfigError
        If `final_bits` names a flag that an instrument does not have.
    InputError, ExposureError
        If inputs are missing or unusable, their chips do not fit together, or
        all are set aside; every such file is named.
    OutputError
        If a mask would replace an input, or another mask of the run.
    """
    _check_current_folder()
    if write:
        check_writable(output_dir)
        time_of_making()  # which refuses a date that no mask could have, before any work
    problems = problems or Problems()
    paths = expand_inputs(parameters.input, suffix, problems)
    headers = read_headers(
        paths, parameters.group, dq=_is_dq_read(parameters), form=form_of(parameters),
        name=parameters.name,
        executor=executor,
    )
    chips = _chips_by_mask(headers, problems)
    set_aside = [chip for members in chips.values() for chip in members if chip.skip_reason]
    for (_, name), members in chips.items():
        _warn_of_set_aside(name, members, problems)
    plans = Plans((
        _plan(members, parameters, output_dir)
        for (_, name), members in chips.items()
        if not all(chip.skip_reason for chip in members)
        or (update and exists(_path_of(name, output_dir)))
    ), set_aside)
    if not plans:
        msg = "all exposures were set aside, so there is nothing to make a mask from"
        raise ExposureError(msg)
    plans.sort(key=lambda plan: plan.path)
    if parameters.include:
        from staticmask_cli.pipeline.included import with_included  # noqa: PLC0415 - few runs

        plans[:] = with_included(plans, parameters)
    lists = {path for plan in plans if plan.included is not None for path in plan.included.files}
    if write:
        _check_paths(plans, [*paths, *sorted(lists)])
    return plans


def _is_dq_read(parameters: Parameters) -> bool:
    """Whether the run reads DQ flags; warn if `dq_ext` names some and it does not."""
    if parameters.dq_ext is not None and parameters.final_bits is None:
        log.warning("dq_ext = %s is not used, as DQ is not read: final_bits is None; 0 would make "
                    "every flagged pixel bad (--final-bits 0)", parameters.dq_ext)
    return parameters.final_bits is not None


def form_of(parameters: Parameters) -> FileForm:
    """Return what the parameters say of files of another form."""
    return FileForm(parameters.instrument or "", parameters.sci_ext or "", parameters.dq_ext or "")


def _warn_of_set_aside(name: str, chips: Sequence[Chip], problems: Problems) -> None:
    """Warn of the chips of a mask that are set aside, once for each reason."""
    reasons: dict[str, list[object]] = {}
    for chip in chips:
        if chip.skip_reason:
            reasons.setdefault(chip.skip_reason, []).append(chip.label)
    for reason, labels in reasons.items():
        subject, who = about(name, labels, len(chips))
        problems.warn(Finding(subject, f"{who}set aside: {reason}", "chips are set aside",
                              "leave them out, or correct their headers", is_clear=True))


def _chips_by_mask(
    headers: Iterable[tuple[str, Exposure | StaticMaskError]], problems: Problems
) -> dict[tuple[Signature, str], list[Chip]]:
    """Group the chips of all exposures by signature, and by the name of their mask."""
    chips: dict[tuple[Signature, str], list[Chip]] = {}
    for path, found in headers:
        if isinstance(found, StaticMaskError):
            problems.leave_out(path, found)
            continue
        if found.warning:
            problems.warn(Finding(path, found.warning, "files end too early", "fetch them again",
                                  is_clear=True))
        for chip in found.chips:
            members = chips.setdefault((chip.signature, chip.mask_name), [])
            members.append(share_attributes(chip, members[0]) if members else chip)
    refuse_same_exposure(chain.from_iterable(chips.values()), problems)
    problems.check(anything_left=bool(chips))
    return chips


def _plan(chips: Sequence[Chip], parameters: Parameters, output_dir: str) -> MaskPlan:
    """Plan the mask of chips of one signature and name."""
    members = tuple(sorted(chips, key=lambda chip: chip.label.sort_key))
    _check_grid([chip for chip in members if not chip.skip_reason])
    signature = members[0].signature
    good_bits = good_bits_of(members[0], parameters.final_bits)
    return MaskPlan(signature, _path_of(members[0].mask_name, output_dir), members, good_bits)


def _path_of(name: str, folder: str) -> str:
    """Return the path of a mask."""
    return normalized(join_path(folder, name))


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        msg = "the current folder does not exist any more; change to another one"
        raise InputError(msg) from error


def good_bits_of(chip: Chip, final_bits: str | None) -> int | None:
    """Return the DQ bits that do not make a pixel bad, by the flags of a chip's instrument."""
    name = chip.facts["INSTRUME"]
    flags = instrument_of(name).flags_of(chip.facts.get("DETECTOR", ""))
    return bitmask.good_bits(final_bits, name, flags)


def _check_grid(chips: Sequence[Chip]) -> None:
    """Refuse chips of one signature that lie on different detector pixels."""
    kinds: dict[tuple[tuple[str, str | float], ...], list[str]] = {}
    for chip in chips:
        kinds.setdefault(tuple(chip.grid.items()), []).append(str(chip.label))
    if len(kinds) < 2:  # noqa: PLR2004
        return
    lines = [
        f"  {_grid_as_text(dict(grid))}: {', '.join(labels)}" for grid, labels in kinds.items()
    ]
    msg = (
        f"{chips[0].mask_name}: its chips do not share a detector grid (subarrays, binning or "
        "chip differ); make a mask of each kind with --name '{signature}_{position}':"
    )
    raise ExposureError(Lines.of((msg, *lines)))


def _grid_as_text(grid: Mapping[str, str | float]) -> str:
    texts = {key: value if isinstance(value, str) else f"{value:g}" for key, value in grid.items()}
    return ", ".join(f"{key} = {text}" for key, text in texts.items()) or "no grid keywords"


def _check_paths(plans: Sequence[MaskPlan], inputs: Sequence[str]) -> None:
    """Refuse masks that would overwrite an input or each other."""
    taken = {canonical_path(path): f"the input {path}" for path in inputs}
    for plan in plans:
        # Some file systems ignore the case of letters.
        names = {with_credentials(plan.path), with_credentials(plan.path).lower()}
        for identity in set(map(canonical_path, names)):
            if identity in taken:
                msg = f"{plan.path}: this mask would take the place of {taken[identity]}"
                raise OutputError(msg)
            hint = "" if plan.name == plan.signature.filename else "; put {signature} into --name"
            taken[identity] = f"the mask of {plan.signature}{hint}"
