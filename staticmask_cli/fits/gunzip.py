"""The content of a gzip file, inflated only from the nearest position that was passed before.

What inflates a file needs what it has inflated before, so that its content can be read only from
its start on.  But a copy of its state, of 40 kB, allows to go on from there: such copies are kept
at the extensions of the last files, as their headers are read first, and then chip by chip their
pixels.
"""

import zlib
from functools import lru_cache
from typing import IO, Any, NamedTuple

__all__ = ["Gunzipped"]

_GZIP = 31  # how zlib calls the format of gzip, whose checksums it compares
_PIECE = 1 << 14  # bytes of the file that are inflated at a time
_INFLATED = 1 << 16  # bytes of the content that are inflated at a time
_FILES = 16  # whose states are kept,
_MOST_STATES = 128  # so many of each,
_APART = 1 << 18  # and so many bytes of content apart, or more


class _State(NamedTuple):
    """A position in the content and in the file, and a copy of what inflates the file there."""

    position: int
    offset: int
    inflater: Any  # a zlib.decompressobj, which is never used itself


class _States:
    """The states that are kept of a file, by position; threads may share them."""

    def __init__(self) -> None:
        self._states: tuple[_State, ...] = (_State(0, 0, zlib.decompressobj(_GZIP)),)
        self._apart = _APART

    def before(self, position: int) -> _State:
        """Return the last state up to a position."""
        return max((state for state in self._states if state.position <= position),
                   key=lambda state: state.position)

    def add(self, position: int, offset: int, inflater: Any) -> None:  # noqa: ANN401 - as above
        """Keep a copy of the state, unless there is one near; one in two is left of too many."""
        states = self._states
        if position - self.before(position).position < self._apart:
            return
        if len(states) >= _MOST_STATES:
            states = states[::2]
            self._apart *= 2
        added = (*states, _State(position, offset, inflater.copy()))
        self._states = tuple(sorted(added, key=lambda state: state.position))


@lru_cache(_FILES)
def _states_of(version: tuple[str, int | str]) -> _States:  # noqa: ARG001 - the key
    return _States()


class Gunzipped:
    """The content of a gzip file.

    Parameters
    ----------
    stream : binary file
        The file, which stays open.
    version : tuple of str and Stamp, or None
        The path and the stamp of the file, for which states are kept; None if it has no stamp.
    """

    def __init__(self, stream: IO[bytes], version: tuple[str, int | str] | None) -> None:
        self._stream = stream
        self._states = _states_of(version) if version else _States()
        self._resume(self._states.before(0))

    def _resume(self, state: _State) -> None:
        self._position, offset, inflater = state
        self._inflater = inflater.copy()
        self._rest = b""  # bytes of the file that are to be inflated
        self._stream.seek(offset)

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def read(self, size: int) -> bytes:
        """Read the next `size` bytes, of which the end may leave fewer."""
        pieces = []
        while size and (piece := self._inflated(size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def readinto(self, buffer: memoryview) -> int:
        """Read as many bytes as `buffer` has, or all that are left; return their number."""
        count = 0
        while count < len(buffer) and (piece := self._inflated(len(buffer) - count)):
            buffer[count : count + len(piece)] = piece
            count += len(piece)
        return count

    def seek(self, offset: int) -> int:
        """Move to a position from the start, or to the end if that comes first."""
        state = self._states.before(offset)
        if offset < self._position or state.position > self._position:
            self._resume(state)
        while self._position < offset:
            if not self._inflated(offset - self._position):
                return self._position
        if not self._inflater.eof:
            self._states.add(offset, self._stream.tell() - len(self._rest), self._inflater)
        return self._position

    def _inflated(self, most: int) -> bytes:
        """Return up to `most` of the next bytes, and at least one before the end of the content."""
        while True:
            if self._inflater.eof and not self._begin_member():
                return b""
            packed = self._rest or self._stream.read(_PIECE)
            content: bytes = self._inflater.decompress(packed, min(most, _INFLATED))
            self._rest = self._inflater.unconsumed_tail
            if content:
                self._position += len(content)
                return content
            if not packed and not self._inflater.eof:
                msg = "the file ends within its compressed data"
                raise EOFError(msg)

    def _begin_member(self) -> bool:
        """Begin with what follows the end of compressed data, which may be zeros."""
        rest = self._inflater.unused_data.lstrip(b"\0")
        while not rest:
            piece = self._stream.read(_PIECE)
            if not piece:
                return False
            rest = piece.lstrip(b"\0")
        self._inflater, self._rest = zlib.decompressobj(_GZIP), rest
        return True
