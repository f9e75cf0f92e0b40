"""Which files there are at a remote place; their names come from strangers."""

from staticmask_cli.remotefaults import refusing_faults
from staticmask_cli.remotefs import info_of, patiently, place_of
from staticmask_cli.urls import (
    WEB,
    beside,
    concealed,
    folder_of,
    full_of,
    has_wildcard,
    scheme_of,
)

__all__ = ["matches", "members_beside"]

_WITH_PREFIXES = ("s3", "s3a", "gs", "gcs")  # which list what begins with a word, and nothing else


def matches(pattern: str) -> list[str]:
    """URLs of the files that match a pattern, sorted.

    Raises
    ------
    InputError
        If the service cannot list its files.
    """
    files, path = place_of(pattern)
    with refusing_faults(pattern):
        found = patiently(pattern, lambda: files.glob(path, detail=True))
        if not found and scheme_of(pattern) == "s3":  # which is also so where nothing can match
            files.call_s3("list_objects_v2", Bucket=path.partition("/")[0], MaxKeys=1)
    if not found and scheme_of(pattern) in WEB:
        info_of(_root_of(pattern))
    urls = (_url_of(name, pattern) for name, info in found.items() if info.get("type") == "file")
    return sorted(url for url in urls if _is_below(url, pattern))


def _url_of(name: str, like: str) -> str:
    """URL of a file as it is listed, in the spelling of another URL."""
    full = full_of(like)
    if "://" in name:
        return concealed(name)
    slashes = "/" * (len(full.partition("://")[2]) - len(full.partition("://")[2].lstrip("/")))
    return concealed(f"{full.partition('://')[0]}://{slashes}{name.lstrip('/')}")


def _is_below(url: str, pattern: str) -> bool:
    """Whether a listed name lies where it was looked for: listings come from strangers."""
    full, folder = full_of(url), full_of(_root_of(pattern))
    rest = full.removeprefix(folder)
    return rest != full and ".." not in rest.split("/")


def _root_of(pattern: str) -> str:
    """Innermost folder of which the name is known."""
    folder = pattern
    while has_wildcard(folder):
        folder = folder_of(folder)
    return folder


def members_beside(folder: str, roots: list[str]) -> set[str] | None:
    """Names of the files in a folder that begin with one of some words; None if it has no list."""
    if scheme_of(folder) in WEB:
        return None
    files, path = place_of(folder)
    with refusing_faults(folder):
        if scheme_of(folder) in _WITH_PREFIXES:  # where folders may be very large
            listed = [name for root in roots for name in files.find(path, prefix=root)]
        else:
            listed = files.ls(path, detail=False)
    urls = (_url_of(name, folder) for name in listed)
    names = {full_of(url).rpartition("/")[2]: full_of(url) for url in urls}
    return {name for name, url in names.items() if url == full_of(beside(folder, name))}
