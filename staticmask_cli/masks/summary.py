"""Masks in a few words, as Python and notebooks show them."""

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["as_html", "as_text"]

_JOINT_ALONE = ("high", "least_depth")  # parameters without meaning for other rules


def as_text(mask: "StaticMask") -> str:
    """Return the signature, members, rule and bad pixels of a mask, in one line."""
    return f"StaticMask({', '.join(_facts(mask).values())})"


def as_html(masks: Sequence["StaticMask"]) -> str:
    """Return the same of several masks, as a table with a row for each."""
    rows = [_facts(mask) for mask in masks]
    lines = [_row("th", list(row)) for row in rows[:1]]
    lines += [_row("td", list(row.values())) for row in rows]
    return f"<table>{''.join(lines)}</table>"


def _row(tag: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(text)}</{tag}>" for text in texts) + "</tr>"


def _facts(mask: "StaticMask") -> dict[str, str]:
    detector, (ny, nx), number = mask.signature
    used, members = len(mask.used), len(mask.members)
    of_members = "" if used == members else f"{used} used of "
    rule = ", ".join(
        f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
        for name, value in vars(mask.rule).items() if mask.rule.joint or name not in _JOINT_ALONE
    )
    return {
        "mask": f"{detector}_{ny}x{nx}_{number}",
        "exposures": f"{of_members}{members} exposure{'s' * (members != 1)}",
        "rule": rule,
        "bad pixels": f"{mask.nbad} bad pixels ({mask.nbad / max(1, ny * nx):.4%})",
    }
