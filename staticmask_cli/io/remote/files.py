"""Which files there are at a remote place; their names come from strangers.

Files at remote places, read in parts and written whole.
"""

import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO

from staticmask_cli.errors import InputError, OutputError, StaticMaskError
from staticmask_cli.io.remote.filesystem import (
    exists,
    info_of,
    modified,
    opened_at,
    place_of,
    refusing_faults,
    with_retries,
)
from staticmask_cli.io.remote.ranges import RangeFile, header_cache_of
from staticmask_cli.io.urls import (
    WEB,
    beside,
    concealed,
    folder_of,
    has_wildcard,
    scheme_of,
    with_credentials,
)

__all__ = [
    "check_writable", "exists", "matches", "members_beside", "modified", "reading", "size_of",
    "write",
]

_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "memory")  # an object appears whole there
_GZIP = b"\x1f\x8b"
_LARGEST_WHOLE = 1 << 30  # bytes of a gzip file, which cannot be read in parts
_PIECE = 1 << 23
_ENTITY = ("ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "created")


class _Open(threading.local):
    """Files that a thread has open, so that it need not ask for them again."""

    def __init__(self) -> None:
        self.files: dict[str, RangeFile] = {}


_OPEN = _Open()


@contextmanager
def reading(url: str) -> Iterator[RangeFile]:
    """Open a file to be read in parts; one of gzip is fetched whole.

    Raises
    ------
    InputError
        If it cannot be read, also where that shows only inside the block.
    """
    name = with_credentials(url)
    if name in _OPEN.files:
        yield _OPEN.files[name].again()
        return
    with _opened(url) as file:
        _OPEN.files[name] = file
        try:
            yield file.again()
        finally:
            del _OPEN.files[name]


@contextmanager
def _opened(url: str) -> Iterator[RangeFile]:
    source, info = opened_at(url)
    with source:
        file = _file_of(source, info, url)
        if file.again().read(len(_GZIP)) != _GZIP:
            yield file
            return
        with _fetched_whole(file, url) as whole:
            yield whole


def _file_of(source: IO[bytes], info: Mapping[str, object], url: str) -> RangeFile:
    """Return what reads an open file in parts."""
    size = info.get("size")
    if info.get("type", "file") != "file":
        msg = f"{concealed(url)}: is a folder, expected a file"
        raise InputError(msg)
    if not isinstance(size, int):
        msg = f"{concealed(url)}: the service does not say how long it is; copy it here"
        raise InputError(msg)

    def fetch(start: int, stop: int) -> bytes:
        def ask() -> bytes:
            source.seek(start)
            return bytes(source.read(stop - start))

        with refusing_faults(url):
            content = with_retries(url, ask)
        if len(content) != stop - start:
            msg = (f"{concealed(url)}: asked for bytes {start} to {stop}, "
                   f"the service sent {len(content)}")
            raise InputError(msg)
        return content

    entity = [str(info[key]) for key in _ENTITY if info.get(key)]
    return RangeFile(fetch, size, header_cache_of(with_credentials(url), (size, *entity)))


@contextmanager
def _fetched_whole(file: RangeFile, url: str) -> Iterator[RangeFile]:
    """Fetch a file to the disk, where nobody else finds it."""
    if file.size > _LARGEST_WHOLE:
        msg = (f"{concealed(url)}: is compressed with gzip and has {file.size} bytes; of remote "
               f"ones, up to {_LARGEST_WHOLE} are fetched: copy it here")
        raise InputError(msg)
    with tempfile.TemporaryFile() as stream:
        while piece := file.read(_PIECE):
            stream.write(piece)

        def fetch(start: int, stop: int) -> bytes:
            stream.seek(start)
            return stream.read(stop - start)

        yield RangeFile(fetch, file.size, header_cache_of("", object()))


def size_of(url: str) -> int:
    """Bytes of a file; one that this thread has open is not asked for."""
    with reading(url) as file:
        return file.size


def check_writable(url: str) -> None:
    """Refuse places where files do not appear whole, or not at all.

    Raises
    ------
    OutputError
        With the places where they do.
    """
    if scheme_of(url) not in _STORES:
        msg = (f"{concealed(url)}: cannot be written whole or not at all; expected a folder here "
               "or in an object store: s3://, gs://, az://")
        raise OutputError(msg)
    try:
        place_of(url)
    except StaticMaskError as error:
        raise OutputError(str(error)) from error


def write(url: str, stream: IO[bytes]) -> None:
    """Write a file from the start of a stream: it is there when all of it is, or not at all.

    Raises
    ------
    OutputError
        If it cannot be written; what was there before still is.
    """
    check_writable(url)
    files, path = place_of(url)
    stream.seek(0)
    with refusing_faults(url, OutputError):
        files.pipe_file(path, stream.read())


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
        found = with_retries(pattern, lambda: files.glob(path, detail=True))
        if not found and scheme_of(pattern) == "s3":  # which is also so where nothing can match
            files.call_s3("list_objects_v2", Bucket=path.partition("/")[0], MaxKeys=1)
    if not found and scheme_of(pattern) in WEB:
        info_of(_root_of(pattern))
    urls = (_url_of(name, pattern) for name, info in found.items() if info.get("type") == "file")
    return sorted(url for url in urls if _is_below(url, pattern))


def _url_of(name: str, like: str) -> str:
    """URL of a file as it is listed, in the spelling of another URL."""
    full = with_credentials(like)
    if "://" in name:
        return concealed(name)
    slashes = "/" * (len(full.partition("://")[2]) - len(full.partition("://")[2].lstrip("/")))
    return concealed(f"{full.partition('://')[0]}://{slashes}{name.lstrip('/')}")


def _is_below(url: str, pattern: str) -> bool:
    """Whether a listed name lies where it was looked for: listings come from strangers."""
    full, folder = with_credentials(url), with_credentials(_root_of(pattern))
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
    names = {with_credentials(url).rpartition("/")[2]: with_credentials(url) for url in urls}
    return {name for name, url in names.items() if url == with_credentials(beside(folder, name))}
