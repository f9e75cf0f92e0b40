"""Make characters of untrusted names visible that would change how a line or a table is read."""

import re

__all__ = ["visible"]

# Characters that count as printable, but have no width: fillers, joiners and variation selectors.
_WITHOUT_WIDTH = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)


def visible(text: str, *, lines: bool = False) -> str:
    r"""Replace characters that are not seen by escapes such as ``\x1b`` and ``\u202e``.

    These are control characters, the marks that change the direction of a text, characters without
    width, separators but the blank, and bytes that are no text.

    Parameters
    ----------
    text : str
        Any text, such as a message with names of files.
    lines : bool
        Whether the text has several lines, whose ends are kept.

    Examples
    --------
    >>> visible("a\x1b[31m\r\n\u202eb\u200bc \u00e9")
    'a\\x1b[31m\\r\\n\\u202eb\\u200bc é'
    """
    if text.isprintable() and not _WITHOUT_WIDTH.search(text):
        return text
    return "".join(
        char if (char.isprintable() and not _WITHOUT_WIDTH.match(char)) or (lines and char == "\n")
        else ascii(char)[1:-1]
        for char in text
    )
