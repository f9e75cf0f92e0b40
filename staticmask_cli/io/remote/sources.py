"""Open a remote file: what its service reports, and a function that fetches ranges of its bytes."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from staticmask_cli.errors import FaultError
from staticmask_cli.io.remote.faults import as_remote_error, is_broken, is_transient
from staticmask_cli.io.remote.filesystem import (
    call,
    file_system_of,
    info_of,
    reached,
    requested,
)
from staticmask_cli.io.remote.waiting import (
    Received,
    answer_within,
    longest_wait,
    read_body,
    run,
    with_retries,
)
from staticmask_cli.io.urls import WEB, scheme_of

__all__ = ["Source", "opened_source"]


class Source:
    """An open remote file.

    Attributes
    ----------
    info : dict
        What the service reports about the file.
    begin : bytes
        The first bytes of the file, if they came with that.
    checks_version : bool
        Whether a range of another version than that of `info` is refused.
    """

    def __init__(
        self, url: str, info: dict[str, Any], read: Callable[[int, Received], None],
        may_succeed: Callable[[Exception], bool], *, begin: bytes = b"", checks_version: bool,
    ) -> None:
        self._url, self._read, self._may_succeed = url, read, may_succeed
        self.info, self.begin, self.checks_version = info, begin, checks_version

    def fill(self, start: int, memory: memoryview) -> None:
        """Fill memory with the bytes from `start` on; those that came before a cut are kept."""
        received = Received(memory)
        with reached(self._url):
            with_retries(lambda: self._read(start, received), self._may_succeed)
            if received.missing:
                msg = (f"asked for bytes {start} to {start + len(memory)}, "
                       f"the service sent {received.length} bytes")
                raise FaultError(msg)


@contextmanager
def opened_source(
    url: str, first_length: int, known: dict[str, Any] | None = None
) -> Iterator[Source]:
    """Open a file; web servers send its first bytes with what they report about it.

    Parameters
    ----------
    url : str
        The URL of the file.
    first_length : int
        How many bytes to request first, where they come with that.
    known : dict, optional
        The `info` of a source of the file, which checks versions.  Nothing is requested then.
    """
    files, path = file_system_of(url)
    if scheme_of(url) in WEB:
        from staticmask_cli.io.remote.web import WebFile  # noqa: PLC0415 - an extra

        file = WebFile(files, path, known)
        begin = b"" if known else requested(url, lambda: file.begin(first_length))
        yield Source(url, file.info, file.read, is_transient, begin=begin,
                     checks_version=file.comes_in_parts)
    elif scheme_of(url) in ("s3", "s3a"):
        info = known or requested(url, lambda: call(files, "info", path))
        yield Source(url, info, _reader_of_object(files, path, info), is_broken,
                     checks_version=bool(info.get("ETag")))
    else:
        info = info_of(url)
        with as_remote_error(url):
            stream = files.open(path, "rb", cache_type="none", size=info.get("size"))

        def read(start: int, received: Received) -> None:
            stream.seek(start)
            received.add(stream.read(received.missing))

        with stream:
            yield Source(url, info, read, lambda _error: False, checks_version=False)


def _reader_of_object(
    files: Any, path: str, info: dict[str, Any]  # noqa: ANN401 - of an extra
) -> Callable[[int, Received], None]:
    """Return a function that reads ranges of one version of an object of S3."""
    bucket, key, version = files.split_path(path)
    version = version or (info.get("VersionId") if files.version_aware else None)
    conditions = {**files.req_kw, **({"IfMatch": info["ETag"]} if info.get("ETag") else {}),
                  **({"VersionId": version} if version else {})}

    async def read(start: int, received: Received) -> None:
        first, stop = start + received.length, start + len(received.memory)
        async with answer_within(1.5 * longest_wait(), "no answer"):
            answer = await files._call_s3(  # noqa: SLF001 - how all methods of s3fs call it
                "get_object", Bucket=bucket, Key=key, Range=f"bytes={first}-{stop - 1}",
                **conditions)
        body, shown = answer["Body"], str(answer.get("ContentRange"))
        try:
            if not re.match(rf"bytes {first}-{stop - 1}/", shown):
                msg = f"asked for bytes {first} to {stop}, the service sent {shown}"
                raise FaultError(msg)
            await read_body(body.read, received)
        finally:
            body.close()

    return lambda start, received: run(read(start, received))
