"""Make rules for masks: each depends on its exposures and on the ``.cfg``.

What a run would read and write, as data.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError, InputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.paths import is_remote, size_of
from staticmask_cli.pipeline.existing import mask_status
from staticmask_cli.pipeline.plan import MaskPlan, Plans, plan_masks

__all__ = ["DryRun", "PlannedMask", "dry_run_of", "make_rules", "plan_run"]

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
        Of what is there now, see `MaskStatus`.
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
class DryRun:
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


def dry_run_of(plans: Plans, parameters: Parameters) -> DryRun:
    """Say what a run with these plans would do; nothing is written.

    Raises
    ------
    InputError
        If a file has vanished since it was planned with.
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
        -(-2 * ny * nx // _FITS_BLOCK) * _FITS_BLOCK,
        plan.good_bits, tuple(map(_chip, plan.chips)),
    )


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
        msg = f"{file}: cannot be looked at: {error.strerror}"
        raise InputError(msg) from error


# What GNU Make reads as part of a name, and how; of the rest, some has no spelling at all that
# works in targets, prerequisites and variables alike.
_ESCAPES = str.maketrans({
    " ": r"\ ", "#": r"\#", "$": "$$", ":": r"\:", "*": r"\*", "?": r"\?", "[": r"\[",
})
_IMPOSSIBLE = r"%=;|\()~"

_HEAD = """\
# Static masks, for include in a Makefile after its first rule; GNU Make 4.3 or newer.
STATICMASK ?= staticmask
STATIC_MASKS += {masks}
"""


def make_rules(
    plans: Sequence[MaskPlan], options: Sequence[str], others: Sequence[str] = ()
) -> str:
    """Return the text of a Makefile that makes the masks of some plans.

    Masks that share an exposure are made by one rule, as one run makes them; others
    by rules of their own, so that a changed exposure remakes nothing else.  The variable
    ``STATIC_MASKS`` names all of them, ``STATICMASK`` is the command.

    Parameters
    ----------
    plans : sequence of MaskPlan
        Of the masks.
    options : sequence of str
        Words of the command between ``staticmask create`` and the exposures.
    others : sequence of str
        Files on which all masks depend too, such as a ``.cfg``.

    Raises
    ------
    ConfigError
        If a name holds what Make cannot have in one.
    """
    rules = [_rule(group, options, others) for group in _sharing_files(plans)]
    return "\n".join((_HEAD.format(masks=" ".join(_names(p.path for p in plans))), *rules))


def _rule(group: Sequence[MaskPlan], options: Sequence[str], others: Sequence[str]) -> str:
    targets = " ".join(_names(plan.path for plan in group))
    files = sorted({file for plan in group for file in plan.files})
    exposures = sorted({chip.path for plan in group for chip in plan.chips})
    grouped = " &" if len(group) > 1 else ""
    command = " ".join(["$(STATICMASK) create", *map(_word, options), "--"])
    return (
        f"{_lines(f'{targets}{grouped}:', _names((*others, *files)))}\n"
        f"\t{_lines(command, map(_word, exposures))}\n"
    )


def _lines(head: str, words: Iterable[str]) -> str:
    return " \\\n\t\t".join((head, *words))


def _word(text: str) -> str:
    """Return a word of a recipe, which Make expands and the shell splits."""
    return shlex.quote(text).replace("$", "$$")


def _names(paths: Iterable[str]) -> list[str]:
    """Paths as Make has them."""
    return [_name(path) for path in paths]


def _name(path: str) -> str:
    if is_remote(path):
        msg = f"{path}: Make knows only the files of this machine; call staticmask from a script"
        raise ConfigError(msg)
    wrong = [char for char in path if char in _IMPOSSIBLE or not _has_a_place(char)]
    if wrong or path.endswith(" "):
        found = repr(wrong[0]) if wrong else "a blank at its end"
        msg = (
            f"{path}: holds {found}, which Make cannot have in the name of a file; "
            "rename it, or call staticmask from a script"
        )
        raise ConfigError(msg)
    return path.translate(_ESCAPES)


def _has_a_place(char: str) -> bool:
    return char.isprintable() or "\udc80" <= char <= "\udcff"  # a byte that is no text


def _sharing_files(plans: Sequence[MaskPlan]) -> list[list[MaskPlan]]:
    """Group plans so that no two groups share a file, in the order of the plans."""
    groups: list[tuple[set[str], list[MaskPlan]]] = []
    for plan in plans:
        files, members = set(plan.files), [plan]
        apart = []
        for others, earlier in groups:
            if others.isdisjoint(files):
                apart.append((others, earlier))
            else:
                files |= others
                members = [*earlier, *members]
        groups = [*apart, (files, members)]
    return [members for _, members in sorted(groups, key=lambda group: group[1][0].path)]
