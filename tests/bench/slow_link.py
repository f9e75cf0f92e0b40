"""A web server behind a slow link, in a process of its own.

There is a delay before each answer, and a bandwidth that all connections share.
"""

import re
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

__all__ = ["Link", "slow_link"]

_PIECE = 1 << 16  # bytes


@dataclass(frozen=True)
class Link:
    """A link to the files of a folder.

    Attributes
    ----------
    latency : float
        The delay of each answer in seconds.
    bandwidth : float
        Bytes in a second, of all connections together.
    """

    url: str
    latency: float
    bandwidth: float
    _pipe: Connection

    def sent(self) -> tuple[int, int]:
        """Return the requests and the bytes of all answers since this was last asked."""
        self._pipe.send(None)
        requests, size = self._pipe.recv()
        return int(requests), int(size)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64  # connections that wait to be accepted

    def __init__(self, folder: str, latency: float, bandwidth: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {path.name: path.read_bytes() for path in Path(folder).glob("*.fits")}
        self.latency, self.bandwidth = latency, bandwidth
        self.requests = self.size = 0
        self.lock = threading.Lock()
        self.free_at = 0.0  # when the link has sent all that it was given

    def transfer(self, size: int) -> None:
        """Wait until the link has sent that many bytes."""
        with self.lock:
            self.size += size
            self.free_at = max(self.free_at, time.monotonic()) + size / self.bandwidth
            seconds = self.free_at - time.monotonic()
        time.sleep(max(0.0, seconds))


class _Handler(socketserver.StreamRequestHandler):
    server: _Server
    # As web servers do; with it, a body after its head would wait 40 ms more, for the client to
    # acknowledge the head.
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline().decode():
            head = line
            while (line := self.rfile.readline().decode()).strip():
                head += line
            self._answer(head)

    def _answer(self, head: str) -> None:
        server, name = self.server, head.split()[1].rpartition("/")[2]
        content, status = memoryview(server.files[name]), "200 OK\r\nX: y"
        size = len(content)
        if found := re.search(r"(?i)range: bytes=(\d+)-(\d+)", head):
            start, stop = int(found[1]), min(int(found[2]) + 1, size)
            content = content[start:stop]
            status = f"206 Part\r\nContent-Range: bytes {start}-{stop - 1}/{size}"
        time.sleep(server.latency)
        with server.lock:
            server.requests += 1
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\n"
                         'ETag: "one"\r\n\r\n'.encode())
        if head.startswith("GET"):
            for first in range(0, len(content), _PIECE):
                piece = content[first : first + _PIECE]
                server.transfer(len(piece))
                self.wfile.write(piece)


def _serve(pipe: Connection, folder: str, latency: float, bandwidth: float) -> None:
    with _Server(folder, latency, bandwidth) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pipe.send(server.server_address[1])
        while pipe.recv() is None:
            pipe.send((server.requests, server.size))
            server.requests = server.size = 0
        server.shutdown()


@contextmanager
def slow_link(folder: Path, latency: float, bandwidth: float) -> Iterator[Link]:
    """Serve the exposures of a folder until the block ends."""
    here, there = get_context("spawn").Pipe()
    process = get_context("spawn").Process(
        target=_serve, args=(there, str(folder), latency, bandwidth), daemon=True)
    process.start()
    there.close()  # so that a server which fails to start is noticed
    try:
        yield Link(f"http://127.0.0.1:{here.recv()}", latency, bandwidth, here)
    finally:
        here.send("end")
        process.join()
