"""Open remote files by byte ranges, list remote folders, and write objects.

File names and sizes that a service returns are untrusted: a listed file counts only if it lies
in the folder that was listed, and fewer bytes than were asked for are an error.
"""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from staticmask_cli.errors import InputError, OutputError, StaticMaskError
from staticmask_cli.io.remote.faults import as_remote_error
from staticmask_cli.io.remote.filesystem import (
    call,
    call_long,
    exists,
    file_system_of,
    info_of,
    modified_at,
    requested,
)
from staticmask_cli.io.remote.ranges import (
    RangeFile,
    first_length,
    header_cache_of,
    known_info,
)
from staticmask_cli.io.remote.sources import Source, opened_source
from staticmask_cli.io.urls import (
    WEB,
    folder_of,
    has_wildcard,
    join_url,
    redacted,
    scheme_of,
    with_credentials,
)

__all__ = [
    "check_writable", "exists", "glob", "modified_at", "names_in", "open_ranges", "size_of",
    "write",
]

# Schemes of services where an object appears when it is complete.
_ATOMIC = ("s3", "s3a", "gs", "gcs", "az", "abfs", "memory")
_LISTED_BY_PREFIX = ("s3", "s3a", "gs", "gcs")  # schemes that can list the keys with a prefix
_COMPRESSED = (b"\x1f\x8b", b"BZh")  # how files of gzip and bzip2 begin
_LARGEST_COMPRESSED = 1 << 30  # bytes; a compressed file must be fetched whole
_PIECE = 1 << 23  # bytes
# What a service may report about a file that changes when its contents do.
_VERSION_KEYS = (
    "ETag", "etag", "LastModified", "Last-Modified", "last_modified", "mtime", "created",
)


class _OpenFiles(threading.local):
    """The files that a thread has open, by their URL, so that it does not open them twice."""

    def __init__(self) -> None:
        self.by_url: dict[str, RangeFile] = {}


_OPEN = _OpenFiles()


@contextmanager
def open_ranges(url: str, identity: object = None) -> Iterator[RangeFile]:
    """Open a file to read ranges of its bytes; a compressed file is fetched whole first.

    Parameters
    ----------
    url : str
        The URL of the file.
    identity : str, optional
        The identity that the file had before.  If what the service reported then is still in
        memory, it is not asked for again; each range that is read must be of that version.

    Raises
    ------
    InputError
        If the file cannot be read, also if that happens inside the block.
    """
    full = with_credentials(url)
    if full in _OPEN.by_url:
        yield _OPEN.by_url[full].reopened()
        return
    with _opened(url, identity) as file:
        _OPEN.by_url[full] = file
        try:
            yield file.reopened()
        finally:
            del _OPEN.by_url[full]


@contextmanager
def _opened(url: str, identity: object) -> Iterator[RangeFile]:
    full = with_credentials(url)
    with opened_source(url, first_length(full), known_info(full, identity)) as source:
        file = _range_file(source, url)
        if not file.reopened().read(3).startswith(_COMPRESSED):
            yield file
            return
        with _fetched_whole(file, url) as local_copy:
            yield local_copy


def _range_file(source: Source, url: str) -> RangeFile:
    """Return a file object that reads ranges from an open remote file."""
    size, info = source.info.get("size"), source.info
    if info.get("type", "file") != "file":
        msg = f"{redacted(url)}: is a folder, expected a file"
        raise InputError(msg)
    if not isinstance(size, int):
        msg = f"{redacted(url)}: the service does not report its size; copy it here"
        raise InputError(msg)
    version = [str(info[key]) for key in _VERSION_KEYS if info.get(key)]
    identity = " ".join((str(size), *version))
    cache = header_cache_of(with_credentials(url), identity)
    if source.begin and not cache.find(0):
        cache.add(0, source.begin)
    if version and source.checks_version:
        cache.info = info
    return RangeFile(source.fill, size, cache, identity if version else None)


@contextmanager
def _fetched_whole(file: RangeFile, url: str) -> Iterator[RangeFile]:
    """Copy a file to a local temporary file without a name, which the block reads."""
    if file.size > _LARGEST_COMPRESSED:
        msg = (f"{redacted(url)}: is compressed and has {file.size} bytes, expected up "
               f"to {_LARGEST_COMPRESSED} of a remote file; copy it here")
        raise InputError(msg)
    with tempfile.TemporaryFile() as stream:
        while piece := file.read(_PIECE):
            stream.write(piece)

        def fill(start: int, memory: memoryview) -> None:
            stream.seek(start)
            stream.readinto(memory)

        yield RangeFile(fill, file.size, header_cache_of("", object()))


def size_of(url: str) -> int:
    """Return the size of a file in bytes, without a request if this thread has it open."""
    with open_ranges(url) as file:
        return file.size


def check_writable(url: str) -> None:
    """Refuse a URL whose service cannot write a file atomically.

    Raises
    ------
    OutputError
        If the URL is such a one; the message lists the services that can.
    """
    if scheme_of(url) not in _ATOMIC:
        msg = (f"{redacted(url)}: cannot be written whole or not at all; expected a folder here "
               "or in an object store: s3://, gs://, az://")
        raise OutputError(msg)
    try:
        file_system_of(url)
    except StaticMaskError as error:
        raise OutputError(str(error)) from error


def write(url: str, stream: IO[bytes]) -> None:
    """Write the whole content of a stream to a URL, in one request.

    Raises
    ------
    OutputError
        If it cannot be written; what was there before is still there.
    """
    check_writable(url)
    files, path = file_system_of(url)
    stream.seek(0)
    with as_remote_error(url, OutputError):
        files.pipe_file(path, stream.read())


def glob(pattern: str) -> list[str]:
    """Return the sorted URLs of the files that match a URL with wildcards.

    Raises
    ------
    InputError
        If the service cannot list its files.
    """
    files, path = file_system_of(pattern)
    with as_remote_error(pattern):
        infos = requested(pattern, lambda: call_long(files, "glob", path, detail=True))
        if not infos and scheme_of(pattern) == "s3":  # fails if there is no such bucket
            call(files, "call_s3", "list_objects_v2", Bucket=path.partition("/")[0], MaxKeys=1)
    folder = _fixed_folder_of(pattern)
    if not infos and scheme_of(pattern) in WEB:  # fails if there is no such page
        info_of(folder)
    urls = (_url_of(name, pattern) for name, info in infos.items() if info.get("type") == "file")
    return sorted(url for url in urls if _is_below(url, folder))


def names_in(folder: str, prefixes: list[str]) -> set[str] | None:
    """Return the names of a folder's files that begin with any prefix; None if it has no list.

    Services that cannot list by prefix return the other names as well.
    """
    if scheme_of(folder) in WEB:
        return None
    files, path = file_system_of(folder)
    with as_remote_error(folder):
        if scheme_of(folder) in _LISTED_BY_PREFIX:  # where folders may be very large
            paths = [found for prefix in prefixes
                     for found in call_long(files, "find", path, prefix=prefix)]
        else:
            paths = call_long(files, "ls", path, detail=False)
    urls = {with_credentials(_url_of(found, folder)) for found in paths}
    names = {url.rpartition("/")[2] for url in urls}
    return {name for name in names if with_credentials(join_url(folder, name)) in urls}


def _url_of(name: str, model: str) -> str:
    """Return the URL of a listed file; its scheme and slashes are those of the URL `model`."""
    if "://" in name:
        return redacted(name)
    scheme, _, path = with_credentials(model).partition("://")
    slashes = "/" * (len(path) - len(path.lstrip("/")))
    return redacted(f"{scheme}://{slashes}{name.lstrip('/')}")


def _fixed_folder_of(pattern: str) -> str:
    """Return the innermost folder of a pattern whose name has no wildcards."""
    folder = pattern
    while has_wildcard(folder):
        folder = folder_of(folder)
    return folder


def _is_below(url: str, folder: str) -> bool:
    """Return whether a listed file lies in a folder or below it."""
    full = with_credentials(url)
    below = full.removeprefix(with_credentials(folder))
    return below != full and ".." not in below.split("/")
