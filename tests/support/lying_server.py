"""A web server on loopback that lies about a file in a chosen way, for tests of remote reading."""

import re
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["Lie", "LyingServer", "Request", "lying_server"]

_ENDLESS = 1 << 28  # bytes; what a body without end sends at most, so that a test cannot
_MANY = 1 << 62


class Request:
    """One request that the server has received, and the ways to answer it.

    Attributes
    ----------
    number : int
        How many requests the server had received before.
    start, stop : int
        The range of bytes that is asked for, within the file.
    """

    def __init__(self, server: "LyingServer", head: str, send: Callable[[bytes], None]) -> None:
        self.server, self.send = server, send
        self.method, self.path = head.split()[:2]
        self.number = len(server.requests)
        found = re.search(r"(?im)^range: bytes=(\d+)-(\d+)", head)
        self.start, self.stop = (int(found[1]), int(found[2]) + 1) if found else (0, _MANY)
        self.stop = min(self.stop, len(server.content))
        self.status = "206 Partial Content" if found else "200 OK"
        server.requests.append(head)

    @property
    def asked(self) -> bytes:
        """The bytes that are asked for."""
        return self.server.content[self.start : self.stop]

    def answer(
        self, status: str = "", body: bytes | None = None, **headers: str
    ) -> None:
        """Send an answer; without other arguments, the right one.  Empty headers are left out."""
        status = status or self.status
        body = self.asked if body is None else body
        lines = {"content_length": str(len(body)), "etag": '"one"'}
        if status.startswith("206"):
            size = len(self.server.content)
            lines["content_range"] = f"bytes {self.start}-{self.stop - 1}/{size}"
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n"
                       for name, value in (lines | headers).items() if value)
        content = b"" if self.method == "HEAD" else body
        self.send(f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + content)

    def send_without_end(self, piece: bytes, prefix: bytes = b"") -> None:
        """Send pieces until the client closes the connection."""
        for _ in range(0, _ENDLESS, len(piece)):
            self.send(prefix + piece)

    def wait(self, seconds: float = 60.0) -> None:
        """Do nothing for some time, or until the server is closed."""
        self.server.closing.wait(seconds)


Lie = Callable[[Request], bool | None]
"""A way to answer a request; the connection is closed after it, unless it returns True."""


class LyingServer(socketserver.ThreadingTCPServer):
    """A server of one file.

    Attributes
    ----------
    content : bytes
        The file.
    lie : callable
        The way to answer requests.
    requests : list of str
        The heads of all requests.
    sent : int
        The bytes that were sent.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, content: bytes, lie: Lie, latency: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content, self.lie, self.latency = content, lie, latency
        self.requests: list[str] = []
        self.sent = 0
        self.closing = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/a_flt.fits"

    def handle_error(self, *_: object) -> None:
        """Ignore clients that close the connection."""


class _Handler(socketserver.StreamRequestHandler):
    """A connection of a client, with any number of requests."""

    server: LyingServer

    def handle(self) -> None:
        with suppress(ConnectionError):
            while head := "".join(self._lines()):
                kept = self.server.lie(Request(self.server, head, self._send))
                if not kept:
                    return

    def _lines(self) -> Iterator[str]:
        while (line := self.rfile.readline().decode("latin-1")).strip():
            yield line

    def _send(self, content: bytes) -> None:
        self.server.sent += len(content)
        self.wfile.write(content)


@contextmanager
def lying_server(content: bytes, lie: Lie) -> Iterator[LyingServer]:
    """Run a server until the block ends."""
    with LyingServer(content, lie) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closing.set()
            server.shutdown()
            thread.join()
