"""Make rules: masks depend on exposures and on the ``.cfg``, copies with DQ flags on both."""

import os
import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from staticmask_cli.errors import ConfigError
from staticmask_cli.exposures.dq import companion_of
from staticmask_cli.exposures.extensions import FileForm
from staticmask_cli.io.paths import is_file, is_remote
from staticmask_cli.masks.run_id import sharing_files
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["make_rules"]

# How GNU Make spells these characters in the name of a file; those of the second line have no
# spelling that works in targets, prerequisites and variables alike.
_ESCAPES = str.maketrans({
    " ": r"\ ", "#": r"\#", "$": "$$", ":": r"\:", "*": r"\*", "?": r"\?", "[": r"\[",
})
_IMPOSSIBLE = r"%=;|\()~"

_HEAD = """\
# Static masks, for include in a Makefile after its first rule; GNU Make 4.3 or newer.
STATICMASK ?= staticmask
STATIC_MASKS += {masks}
"""
_COPIES = """\
# Copies of the exposures, with the bad pixels of the masks flagged in DQ.
STATIC_COPIES += {copies}
"""


_USUAL_FORM = FileForm()


def make_rules(
    plans: Sequence[MaskPlan],
    options: Sequence[str],
    others: Sequence[str] = (),
    copies: Mapping[str, str] | None = None,
    form: FileForm = _USUAL_FORM,
) -> str:
    """Return a Makefile that makes the masks of some plans.

    Masks that share an exposure are made by one rule, as by one run; other masks have rules of
    their own, so that a changed exposure remakes no other mask.  The variable ``STATIC_MASKS``
    holds the paths of all masks, and ``STATICMASK`` is the command.

    Parameters
    ----------
    plans : sequence of MaskPlan
        The plans of the masks.
    options : sequence of str
        The words of the command between ``staticmask create`` and the exposures.
    others : sequence of str
        Further files on which all masks depend, such as a ``.cfg``.
    copies : mapping of str to str, optional
        The path of the copy of each exposure to which its masks are to be applied.  The variable
        ``STATIC_COPIES`` then holds the paths of the copies.
    form : FileForm
        What the user says of exposures of another form.

    Raises
    ------
    ConfigError
        If the name of a file has a character that Make does not allow in one.
    """
    # The lists of bad pixels must find their masks, so that a run with lists makes all masks.
    has_lists = any(plan.included is not None for plan in plans)
    groups = [list(plans)] if has_lists else sharing_files(plans, lambda plan: plan.files)
    rules = [_rule(group, options, others) for group in groups]
    if copies is not None:
        rules += _rules_of_copies(plans, copies, form)
    return "\n".join((_HEAD.format(masks=" ".join(_names(p.path for p in plans))), *rules))


def _rules_of_copies(
    plans: Sequence[MaskPlan], copies: Mapping[str, str], form: FileForm
) -> list[str]:
    """Return a rule for each copy, which depends on its exposure and on the masks of its chips."""
    masks: dict[str, list[str]] = defaultdict(list)
    companions: dict[str, list[str]] = {}
    for plan in plans:
        for chip in plan.chips:
            if plan.path not in masks[chip.path]:
                masks[chip.path].append(plan.path)
            companion = companion_of(chip.path, chip.facts["INSTRUME"], form.dq_ext)
            companions[chip.path] = [companion] if companion and is_file(companion) else []
    made = {path: copies[path] for path in sorted(masks) if path in copies}
    rules = [_COPIES.format(copies=" ".join(_names(made.values())))]
    for path, copy in made.items():
        of_form = (f"--{name.replace('_', '-')}={value}"
                   for name, value in form._asdict().items() if value)
        options = map(_word, ("-o", os.path.dirname(copy) or ".", *of_form, f"--to={path}"))
        command = " ".join(("$(STATICMASK) apply", *options, "--"))
        needed = _names((path, *companions[path], *masks[path]))
        rules.append(f"{_lines(f'{_name(copy)}:', needed)}\n"
                     f"\t{_lines(command, map(_word, masks[path]))}\n")
    return rules


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
    """Quote a word of a recipe for Make, which expands it, and for the shell, which splits it."""
    return shlex.quote(text).replace("$", "$$")


def _names(paths: Iterable[str]) -> list[str]:
    """Return paths in the spelling of Make."""
    return [_name(path) for path in paths]


def _name(path: str) -> str:
    if is_remote(path):
        msg = f"{path}: Make handles only the files of this machine; call staticmask from a script"
        raise ConfigError(msg)
    wrong = [char for char in path if char in _IMPOSSIBLE or not _is_allowed(char)]
    if wrong or path.endswith(" "):
        found = repr(wrong[0]) if wrong else "a blank at its end"
        msg = (
            f"{path}: holds {found}, which Make cannot have in the name of a file; "
            "rename it, or call staticmask from a script"
        )
        raise ConfigError(msg)
    return path.translate(_ESCAPES)


def _is_allowed(char: str) -> bool:
    return char.isprintable() or "\udc80" <= char <= "\udcff"  # a byte that is not text
