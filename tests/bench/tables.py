"""Rows of tables in Markdown."""

__all__ = ["head", "row"]


def row(*cells: object) -> str:
    """Return a row."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*cells: object) -> str:
    """Return the head of a table, with an empty line before it."""
    return f"\n{row(*cells)}\n{'|---' * len(cells)}|"
