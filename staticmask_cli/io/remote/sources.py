"""Open a remote file: what its service reports, and a function that fetches ranges of its bytes."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from staticmask_cli.errors import FaultError
from staticmask_cli.io.remote.faults import as_remote_error, is_broken, is_transient
from staticmask_cli.io.remote.filesystem import call, file_system_of, info_of, requested
from staticmask_cli.io.remote.waiting import (
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
    """

    def __init__(
        self, url: str, info: dict[str, Any], read: Callable[[int, int, bytearray], None],
        may_succeed: Callable[[Exception], bool], begin: bytes = b"",
    ) -> None:
        self._url, self._read, self._may_succeed = url, read, may_succeed
        self.info, self.begin = info, begin

    def fetch(self, start: int, stop: int) -> bytes:
        """Return a range of bytes; after a cut, only those that are missing are requested."""
        received = bytearray()
        with as_remote_error(self._url):
            with_retries(lambda: self._read(start, stop, received), self._may_succeed)
            if len(received) != stop - start:
                msg = (f"asked for bytes {start} to {stop}, "
                       f"the service sent {len(received)} bytes")
                raise FaultError(msg)
        return bytes(received)


@contextmanager
def opened_source(url: str, first_length: int) -> Iterator[Source]:
    """Open a file; web servers send its first bytes with what they report about it."""
    files, path = file_system_of(url)
    if scheme_of(url) in WEB:
        from staticmask_cli.io.remote.web import WebFile  # noqa: PLC0415 - an extra

        file = WebFile(files, path)
        begin = requested(url, lambda: file.begin(first_length))
        yield Source(url, file.info, file.read, is_transient, begin)
    elif scheme_of(url) in ("s3", "s3a"):
        info = requested(url, lambda: call(files, "info", path))
        yield Source(url, info, _reader_of_object(files, path, info), is_broken)
    else:
        info = info_of(url)
        with as_remote_error(url):
            stream = files.open(path, "rb", cache_type="none", size=info.get("size"))

        def read(start: int, stop: int, received: bytearray) -> None:
            stream.seek(start)
            received += stream.read(stop - start)

        with stream:
            yield Source(url, info, read, lambda _error: False)


def _reader_of_object(
    files: Any, path: str, info: dict[str, Any]  # noqa: ANN401 - of an extra
) -> Callable[[int, int, bytearray], None]:
    """Return a function that reads ranges of one version of an object of S3."""
    bucket, key, version = files.split_path(path)
    version = version or (info.get("VersionId") if files.version_aware else None)
    conditions = {**files.req_kw, **({"IfMatch": info["ETag"]} if info.get("ETag") else {}),
                  **({"VersionId": version} if version else {})}

    async def read(start: int, stop: int, received: bytearray) -> None:
        first = start + len(received)
        async with answer_within(1.5 * longest_wait(), "no answer"):
            answer = await files._call_s3(  # noqa: SLF001 - how all methods of s3fs call it
                "get_object", Bucket=bucket, Key=key, Range=f"bytes={first}-{stop - 1}",
                **conditions)
        body, shown = answer["Body"], str(answer.get("ContentRange"))
        try:
            if not re.match(rf"bytes {first}-{stop - 1}/", shown):
                msg = f"asked for bytes {first} to {stop}, the service sent {shown}"
                raise FaultError(msg)
            await read_body(body.read, stop - start, received)
        finally:
            body.close()

    return lambda start, stop, received: run(read(start, stop, received))
