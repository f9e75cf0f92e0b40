"""Names of remote places, and how much of them may be shown."""

import os
import re
from typing import Self

__all__ = [
    "WEB",
    "Concealing",
    "beside",
    "concealed",
    "folder_of",
    "has_wildcard",
    "is_remote",
    "normalized",
    "scheme_of",
    "with_credentials",
]

# Two letters at least, so that no drive of Windows is taken for one.
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+://"
_STARTS = re.compile(rf"(?<![A-Za-z0-9+.-])(?={_SCHEME})")
# Rather too much is concealed than too little.  What ends a quotation is no part of a query.
_PARTS = re.compile(
    rf"(?P<scheme>{_SCHEME})(?P<user>[^/?#]*@)?(?P<path>[^?#]*)"
    r"(?P<query>[?#]\S*?(?=[]'\"):;>]*(\s|$)))?"
)
_HARMLESS = ("uri",)  # parts of a query that say which file, as archives have it
WEB = ("http", "https")
"""Schemes whose URLs have queries."""


class Concealing(str):  # noqa: SLOT000 - it has what it conceals
    """Text that shows its URLs without user, password and query; `full` has them.

    All that prints, writes or compares it sees the text that may be shown; only what asks a
    service takes `with_credentials` it.  It travels to other processes as it is.
    """

    full: str

    def __new__(cls, full: str, shown: str) -> Self:
        """Make a text that is `shown` and stands for `full`."""
        text = super().__new__(cls, shown)
        text.full = full
        return text

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (self.full, str(self))


def concealed(text: str) -> str:
    """Return a text that shows no secrets of the URLs in it; the same where there are none."""
    full = with_credentials(text)
    shown = "".join(map(_without_secrets, _STARTS.split(full)))
    return full if shown == full else Concealing(full, shown)


def with_credentials(text: str) -> str:
    """Return a text with what it conceals."""
    return text.full if isinstance(text, Concealing) else text


def is_remote(path: str) -> bool:
    """Whether a path is a URL."""
    return re.match(_SCHEME, path) is not None


def scheme_of(url: str) -> str:
    """Scheme of a URL, in lower case: ``s3``."""
    return url.partition("://")[0].lower()


def has_wildcard(url: str) -> bool:
    """Whether a URL is a pattern; in those of the web, a ``?`` begins the query."""
    path = with_credentials(url)
    if scheme_of(path) in WEB:
        path = path.partition("?")[0].replace("?", "")
    return re.search(r"[*?[]", path) is not None


def normalized(path: str) -> str:
    """Path without what changes nothing in it; a URL as it is."""
    return path if is_remote(path) else os.path.normpath(path)


def folder_of(url: str) -> str:
    """URL of the folder that a file lies in, without the file's query; no slash at its end."""
    path = with_credentials(url)
    if scheme_of(path) in WEB:
        path = re.split(r"[?#]", path)[0]
    head, slash, _ = path.rpartition("/")
    return concealed(head if slash and not head.endswith("/") else path)


def beside(folder: str, name: str) -> str:
    """URL of a file in a folder."""
    return concealed(f"{with_credentials(folder).rstrip('/')}/{name}")


def _without_secrets(piece: str) -> str:
    """Conceal what is secret in text that may begin with a URL."""
    found = _PARTS.match(piece)
    if not found:
        return piece
    query = found["query"] or ""
    if scheme_of(found["scheme"]) in WEB or "=" in query:
        pairs = re.split(r"[&#]", query[1:])
        kept = [pair for pair in pairs if pair.partition("=")[0] in _HARMLESS]
        # The comma of a list of URLs stands before the next one.
        comma = "," if query.endswith(",") and not (kept and kept[-1].endswith(",")) else ""
        query = ("?" + "&".join(kept) if kept else "") + comma
    return found["scheme"] + found["path"] + query + piece[found.end():]
