"""Parts of URLs, and URLs that are shown without their credentials."""

import os
import re
from typing import Self

__all__ = [
    "WEB",
    "RedactedURL",
    "folder_of",
    "has_broken_user",
    "has_wildcard",
    "is_remote",
    "join_url",
    "normalized",
    "redacted",
    "scheme_of",
    "with_credentials",
]

WEB = ("http", "https")
"""Schemes whose URLs have queries."""

# At least two letters, so that the drive letter of a Windows path is not a scheme.
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]+://"
_URL_STARTS = re.compile(rf"(?<![A-Za-z0-9+.-])(?={_SCHEME})")
# A password with a slash in it, which is not allowed: what follows the colon is no port.
_BROKEN_USER = r"(?!\[)[^/?#@:\s]*:(?!\d{1,5}[/?#])[^/?#@\s]*[/?#]\S*@"
_QUERY = r"[?#]|[;&][^/;&=\s]+="  # how a query begins, also one without a question mark
# In doubt a part counts as secret.  Closing quotation marks do not belong to a query.
_PARTS = re.compile(
    rf"(?P<scheme>{_SCHEME})(?P<user>{_BROKEN_USER}|[^/?#]*@)?(?P<path>((?!{_QUERY}).)*)"
    rf"(?P<query>({_QUERY})\S*?(?=[]'\"):;>]*(\s|$)))?", re.DOTALL
)
_PUBLIC_KEYS = ("uri",)  # keys of a query that name the file, as archives use them


class RedactedURL(str):
    """A URL, or a text with URLs, without user, password and query; `full` has them.

    It is a str so that every path can hold it and whatever prints, writes, compares or pickles
    a path needs no special case: such code can only reach the text that may be shown.  Only the
    functions of this package that build URLs or call a service use `full`, by `with_credentials`.
    """

    __slots__ = ("full",)
    full: str

    def __new__(cls, full: str, shown: str) -> Self:
        """Make a text that reads `shown` and stands for `full`."""
        text = super().__new__(cls, shown)
        text.full = full
        return text

    def __reduce__(self) -> tuple[type[Self], tuple[str, str]]:
        return type(self), (self.full, str(self))


def redacted(text: str) -> str:
    """Return a text whose URLs show no secrets: a `RedactedURL` if there are any."""
    full = with_credentials(text)
    shown = "".join(map(_without_secrets, _URL_STARTS.split(full)))
    return full if shown == full else RedactedURL(full, shown)


def with_credentials(text: str) -> str:
    """Return a text with the user, password and query that its URLs do not show."""
    return text.full if isinstance(text, RedactedURL) else text


def is_remote(path: str) -> bool:
    """Return whether a path is a URL."""
    return re.match(_SCHEME, path) is not None


def scheme_of(url: str) -> str:
    """Return the scheme of a URL in lower case, such as ``s3``."""
    return url.partition("://")[0].lower()


def has_broken_user(url: str) -> bool:
    """Return whether the user or password of a URL has characters that end it too early."""
    return re.match(_SCHEME + _BROKEN_USER, with_credentials(url)) is not None


def has_wildcard(url: str) -> bool:
    """Return whether a URL is a pattern; in http and https URLs a ``?`` begins the query."""
    path = with_credentials(url)
    if scheme_of(path) in WEB:
        path = path.partition("?")[0].replace("?", "")
    return re.search(r"[*?[]", path) is not None


def normalized(path: str) -> str:
    """Return a local path without redundant parts such as ``./``; a URL is not changed."""
    return path if is_remote(path) else os.path.normpath(path)


def folder_of(url: str) -> str:
    """Return the URL of a file's folder, without a slash at its end and without the query."""
    path = with_credentials(url)
    if scheme_of(path) in WEB:
        path = re.split(r"[?#]", path)[0]
    head, slash, _ = path.rpartition("/")
    return redacted(head if slash and not head.endswith("/") else path)


def join_url(folder: str, name: str) -> str:
    """Return the URL of a file in a folder."""
    return redacted(f"{with_credentials(folder).rstrip('/')}/{name}")


def _without_secrets(piece: str) -> str:
    """Remove the secrets from a text that may begin with a URL and contains no other one."""
    match = _PARTS.match(piece)
    if not match:
        return piece
    query = match["query"] or ""
    if scheme_of(match["scheme"]) in WEB or "=" in query:
        pairs = re.split(r"[&#]", query[1:])
        public = [pair for pair in pairs if pair.partition("=")[0] in _PUBLIC_KEYS]
        # A comma at the end separates this URL from the next one of a list.
        comma = "," if query.endswith(",") and not (public and public[-1].endswith(",")) else ""
        query = ("?" + "&".join(public) if public else "") + comma
    return match["scheme"] + match["path"] + query + piece[match.end():]
