"""Files on web servers: ranges of their bytes, each answer checked and bounded by what was asked.

Servers are untrusted.  Never more bytes are taken than were asked for, compressed answers are not
inflated here, and a redirect leads nowhere that the server itself could not be asked for.
"""

import asyncio
import ipaddress
import logging
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from yarl import URL

from staticmask_cli.errors import FaultError
from staticmask_cli.io.remote.waiting import (
    Received,
    answer_within,
    longest_wait,
    read_body,
    run,
)

__all__ = ["WebFile", "client"]

log = logging.getLogger(__name__)

_LARGEST_WHOLE = 1 << 20  # bytes; smaller files may come from servers that send no parts
_LARGEST_PAGE = 1 << 24  # bytes of a page that lists files
_VERSION_KEYS = ("ETag", "Last-Modified", "Content-Encoding")
_NO_PARTS = "the server sends no parts of files; copy it here"
_NAMED: set[tuple[str, str]] = set()  # redirects from one host to another that were reported


class StatusError(OSError):
    """A server answered that it does not send the file; `pause` is for how long, in seconds."""

    def __init__(self, status: int, pause: float = 0.0) -> None:
        super().__init__(f"the service answers {status}")
        self.status, self.pause = status, pause


class WebFile:
    """A file on a web server.

    Parameters
    ----------
    files : fsspec.implementations.http.HTTPFileSystem
        The file system with the session and the options of the user.
    url : str
        The URL with its credentials.
    known : dict, optional
        What the server reported about the file before, so that `read` can be called at once.

    Attributes
    ----------
    info : dict
        What the server reported about the file: ``size``, ``ETag`` and so on; empty at first.
    """

    def __init__(self, files: Any, url: str, known: dict[str, Any] | None = None) -> None:  # noqa: ANN401 - of an extra
        self._files, self._url = files, url
        self.info: dict[str, Any] = known or {}
        self._whole: bytes | None = None

    @property
    def comes_in_parts(self) -> bool:
        """Whether the server sends parts of the file; if not, it has sent the whole."""
        return self._whole is None

    def ask(self) -> dict[str, Any]:
        """Request what the server reports about the file, and return it."""
        run(self._begin(1, content=False))
        return self.info

    def begin(self, length: int) -> bytes:
        """Request the first bytes of the file, and with them what the server reports."""
        return run(self._begin(length))

    def read(self, start: int, received: Received) -> None:
        """Request the missing bytes of the range that begins at `start`."""
        if self._whole is not None:
            received.add(self._whole[start + received.length : start + len(received.memory)])
            return
        run(self._read(start, received))

    async def _begin(self, length: int, *, content: bool = True) -> bytes:
        async with self._answer(0, length) as answer:
            size = _size_of(answer, 0, length)
            self.info = {"size": size, "type": "file", **_version_of(answer)}
            if not content or size == 0:
                return b""
            if answer.status == 206:  # noqa: PLR2004 - HTTP's number
                begin = bytearray(min(length, size or length))
                await read_body(answer.content.read, Received(memoryview(begin)))
            else:
                self._whole = await _read_whole(answer)
                self.info["size"] = len(self._whole)
                begin = bytearray(self._whole[:length])
            if answer.content_type == "text/html" and begin.lstrip().startswith(b"<"):
                msg = "the server sends a web page, expected a file; does it need a login?"
                raise FaultError(msg)
            return bytes(begin)

    async def _read(self, start: int, received: Received) -> None:
        first, stop = start + received.length, start + len(received.memory)
        async with self._answer(first, stop) as answer:
            if answer.status != 206:  # noqa: PLR2004 - HTTP's number
                raise FaultError(_NO_PARTS)
            found = {"size": _size_of(answer, first, stop), "type": "file", **_version_of(answer)}
            if found != self.info:
                msg = "was replaced on the server while it was read; run it again"
                raise FaultError(msg)
            await read_body(answer.content.read, received)

    @asynccontextmanager
    async def _answer(self, start: int, stop: int) -> AsyncIterator[aiohttp.ClientResponse]:
        """Request a range of bytes; yield the answer, whose body has not been read."""
        session = await self._files.set_session()
        options = {"timeout": _timeout(), **self._files.kwargs}
        options["headers"] = {**options.get("headers", {}), "Range": f"bytes={start}-{stop - 1}"}
        try:
            async with answer_within(1.5 * longest_wait(), "no answer"):
                answer = await session.get(self._files.encode_url(self._url), **options)
        except aiohttp.TooManyRedirects:
            msg = "the server redirects without end"
            raise FaultError(msg) from None
        async with answer:
            if answer.status not in (200, 206, 416):
                raise StatusError(answer.status, _pause_of(answer.headers.get("Retry-After", "")))
            yield answer


async def client(**options: Any) -> aiohttp.ClientSession:  # noqa: ANN401 - of the user's
    """Make the session of a file system: bounded waits and pages, and only safe redirects."""
    redirects = aiohttp.TraceConfig()
    redirects.on_request_redirect.append(_check_redirect)
    options["headers"] = {"Accept-Encoding": "identity", **options.get("headers", {})}
    defaults = {
        "auto_decompress": False, "response_class": _BoundedAnswer, "trace_configs": [redirects],
        "timeout": _timeout(sock_read=longest_wait()),
    }
    return aiohttp.ClientSession(**{**defaults, **options})


def _timeout(sock_read: float | None = None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, sock_connect=longest_wait() / 2, sock_read=sock_read)


class _BoundedAnswer(aiohttp.ClientResponse):
    """An answer whose whole body, a page with links, is bounded in size and time."""

    async def read(self) -> bytes:
        if self._body is None:
            async with answer_within(2 * longest_wait(), "the page did not arrive"):
                self._body = await _read_up_to(self, _LARGEST_PAGE)
        return self._body


async def _read_up_to(answer: aiohttp.ClientResponse, most: int) -> bytes:
    content = bytearray()
    while piece := await answer.content.read(most + 1 - len(content)):
        content += piece
        if len(content) > most:
            msg = f"the server sends more than {most} bytes, expected no more"
            raise FaultError(msg)
    return bytes(content)


async def _read_whole(answer: aiohttp.ClientResponse) -> bytes:
    """Read a small file from a server that sends no parts of files."""
    if (answer.content_length or 0) > _LARGEST_WHOLE:
        raise FaultError(_NO_PARTS)
    try:
        async with answer_within(longest_wait(), "the file did not arrive"):
            return await _read_up_to(answer, _LARGEST_WHOLE)
    except FaultError:
        raise FaultError(_NO_PARTS) from None


def _size_of(answer: aiohttp.ClientResponse, start: int, stop: int) -> int | None:
    """Return the size of the file from an answer, after a check that it has the range asked for."""
    shown = answer.headers.get("Content-Range", "")
    if answer.status == 200:  # noqa: PLR2004 - HTTP's number
        return answer.content_length
    if answer.status == 416:  # noqa: PLR2004 - likewise
        if start == 0 and shown == "bytes */0":
            return 0
        msg = f"asked for bytes {start} to {stop}, the service has no such bytes (416)"
        raise FaultError(msg)
    match = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", shown)
    size = int(match[3]) if match and match[3] != "*" else None
    last = min(stop, stop if size is None else size) - 1
    if not match or (int(match[1]), int(match[2])) != (start, last):
        found = f"bytes {match[1]} to {int(match[2]) + 1}" if match else (shown or "no range")
        msg = f"asked for bytes {start} to {stop}, the service sent {found}"
        raise FaultError(msg)
    if answer.content_length not in (None, last + 1 - start):
        msg = f"asked for bytes {start} to {stop}, the service sent {answer.content_length} bytes"
        raise FaultError(msg)
    return size


def _version_of(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """Return what changes in the headers of an answer when the file does."""
    return {key: answer.headers[key] for key in _VERSION_KEYS if key in answer.headers}


def _pause_of(text: str) -> float:
    """Return the seconds that a Retry-After header asks to wait; 0 for none or nonsense."""
    if re.fullmatch(r"\d{1,12}", text):
        return float(text)
    with suppress(ValueError, OverflowError):
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return 0.0


async def _check_redirect(_session: object, _context: object, request: Any) -> None:  # noqa: ANN401 - aiohttp's
    """Refuse a redirect into a more private network or to plain http; report another host."""
    answer, origin = request.response, request.url
    location = answer.headers.get("Location") or answer.headers.get("URI", "")
    refusal = None
    try:
        target = URL(location)
        target = target if target.scheme else origin.join(target)
    except ValueError:
        target = URL()
    if target.scheme not in ("http", "https") or not target.host:
        refusal = "which is no web address"
    elif (origin.scheme, target.scheme) == ("https", "http"):
        refusal = "which is not encrypted; expected https"
    elif target.host != origin.host:
        if max(await _privacy_of(target.host)) > min(await _privacy_of(origin.host)):
            refusal = "which is in a private network or this machine; expected a public address"
        elif (origin.host, target.host) not in _NAMED:
            _NAMED.add((origin.host, target.host))
            log.warning("%s sends its files from another host, %s", origin.host, target.host)
    if refusal:
        answer.close()
        msg = f"the server redirects to {location}, {refusal}"
        raise FaultError(msg)


async def _privacy_of(host: str) -> list[int]:
    """Return how private each address of a host is: 0 public, 1 of a network, 2 of this machine."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None)
    addresses = [ipaddress.ip_address(address[4][0]) for address in found]
    return [0 if address.is_global else
            2 if address.is_loopback or address.is_link_local or address.is_unspecified else 1
            for address in addresses]
