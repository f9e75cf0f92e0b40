"""Bounded waits for the answers of a service, repeated requests, and their end by Ctrl-C."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fsspec.asyn import get_loop

from staticmask_cli.errors import FaultError
from staticmask_cli.io.environment import seconds_of

__all__ = [
    "BrokenAnswerError", "Received", "answer_within", "longest_wait", "read_body", "run",
    "stop_requests", "with_retries",
]

Result = TypeVar("Result")

_PIECE = 1 << 16  # bytes of a body that must arrive within the longest wait
_WAITS = (0.3, 1.0, 3.0)  # seconds between tries

# The requests that are running, each in fsspec's event loop and with a thread that waits for it.
_RUNNING: set["Future[Any]"] = set()


class BrokenAnswerError(ConnectionError):
    """The connection ended before the answer did."""


class Received:
    """The bytes of a range that have arrived, in memory that they will fill.

    Parameters
    ----------
    memory : memoryview
        The memory, of the length of the range.

    Attributes
    ----------
    memory : memoryview
        The same.
    length : int
        How many bytes have arrived.
    """

    def __init__(self, memory: memoryview) -> None:
        self.memory = memory
        self.length = 0

    @property
    def missing(self) -> int:
        """The number of bytes that have not arrived."""
        return len(self.memory) - self.length

    def add(self, some: bytes) -> None:
        """Add the bytes that follow."""
        self.memory[self.length : self.length + len(some)] = some
        self.length += len(some)


def longest_wait() -> float:
    """Return how many seconds to wait for an answer, and then for each piece of it."""
    return seconds_of("STATICMASK_REMOTE_WAIT", 30.0)


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of a coroutine, which runs in fsspec's event loop.

    Raises
    ------
    KeyboardInterrupt
        If the user interrupts this thread, or `stop_requests` is called in another one.
    """
    future = asyncio.run_coroutine_threadsafe(coroutine, get_loop())
    _RUNNING.add(future)
    try:
        return future.result()
    except CancelledError as error:
        raise KeyboardInterrupt from error
    finally:
        _RUNNING.discard(future)
        future.cancel()


def stop_requests() -> None:
    """Cancel all running requests, so that the threads which wait for them end as by Ctrl-C."""
    for future in list(_RUNNING):
        future.cancel()


@asynccontextmanager
async def answer_within(seconds: float, failure: str) -> AsyncIterator[None]:
    """Raise a TimeoutError that reports a failure if the with block takes too long."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        if str(error):  # from a library
            raise
        msg = f"{failure} within {seconds:g} s"
        raise TimeoutError(msg) from None


async def read_body(read: Callable[[int], Awaitable[bytes]], received: Received) -> None:
    """Read the body of an answer until nothing is missing, and check that it ends there.

    Raises
    ------
    BrokenAnswerError
        If the body ends early; `received` has what arrived until then.
    TimeoutError
        If the body arrives too slowly.
    FaultError
        If the body is longer.
    """
    seconds = longest_wait()
    while received.missing:
        piece = min(_PIECE, received.missing)
        following = received.length + piece
        async with answer_within(seconds, f"less than {piece} bytes arrived"):
            while received.length < following:
                received.add(await _read_some(read, received))
    async with answer_within(seconds, "the answer did not end"):
        if await read(1):
            msg = "the service sends more bytes than were asked for"
            raise FaultError(msg)


async def _read_some(read: Callable[[int], Awaitable[bytes]], received: Received) -> bytes:
    """Read some of the bytes that are missing, at least one."""
    arrived = f"after {received.length} of {len(received.memory)} bytes"
    try:
        some = await read(received.missing)
    except TimeoutError:
        raise
    except Exception:  # noqa: BLE001 - of several libraries, without a common base class
        msg = f"the connection was cut {arrived}"
        raise BrokenAnswerError(msg) from None
    if not some:
        msg = f"the answer ended {arrived}"
        raise BrokenAnswerError(msg)
    return some


def with_retries(request: Callable[[], Result], may_succeed: Callable[[Exception], bool]) -> Result:
    """Return the answer to a request, which is repeated while that may help.

    A wait that was too long is repeated once, other faults three times.  A service may ask for a
    longer pause between two tries, up to the longest wait.
    """
    for number, seconds in enumerate(_WAITS):
        try:
            return request()
        except Exception as error:
            pause = max(seconds, getattr(error, "pause", 0.0))
            expired = number > 0 and isinstance(error, TimeoutError)
            if expired or pause > longest_wait() + seconds or not may_succeed(error):
                raise
        run(asyncio.sleep(pause))
    return request()
