"""Copies of exposures, in which DQ flags are set and all other bytes are those of the exposure."""

import os
from contextlib import suppress
from typing import IO, Any, NamedTuple

import numpy as np

from staticmask_cli.apply.dq_array import DQArray
from staticmask_cli.apply.flags import ChipFlags
from staticmask_cli.errors import InputError
from staticmask_cli.fits.cards import as_image, cards_in, has_sums, with_history, with_sums
from staticmask_cli.fits.checksums import sum_added, sum_of
from staticmask_cli.fits.header import BLOCK
from staticmask_cli.fits.open import as_input_error
from staticmask_cli.fits.pixels import Stamp, stamp_of
from staticmask_cli.io.atomic import write_together
from staticmask_cli.io.disk import as_output_error, start_flush
from staticmask_cli.io.paths import is_remote, open_file

__all__ = ["FileCopy", "Patch", "write_copies"]

_CHUNK = 1024 * BLOCK  # bytes that are changed at a time, a whole number of pixels and of words
_FLUSHED = 8 << 20  # bytes after which the system begins to write them to disk


class Patch(NamedTuple):
    """What changes in the HDU of a DQ array.

    Attributes
    ----------
    array : DQArray
        The DQ array.
    flags : ChipFlags
        The flags to set in it.
    history : tuple
        The HISTORY cards of each mask.
    """

    array: DQArray
    flags: ChipFlags
    history: tuple[list[bytes], ...]


class FileCopy(NamedTuple):
    """A copy of a file.

    Attributes
    ----------
    source, target : str
        The paths of the file and of its copy.
    stamp : int, str or None
        The stamp of the file when its headers were read.
    patches : tuple of Patch
        What changes, in the order of the file.
    """

    source: str
    target: str
    stamp: Stamp | None
    patches: tuple[Patch, ...] = ()


def write_copies(copies: tuple[FileCopy, ...]) -> None:
    """Write copies of files that belong together; each appears when all of them are complete.

    Raises
    ------
    InputError
        If a file cannot be read, or has changed since its headers were read.
    OutputError
        If a copy cannot be written; what was there before stays as it is.
    """
    with write_together(copy.target for copy in copies) as files:
        for copy, file in zip(copies, files, strict=True):
            with as_input_error(copy.source), open_file(copy.source) as source:
                if stamp_of(source) != copy.stamp:
                    msg = f"{copy.source}: was changed while the masks were applied; run it again"
                    raise InputError(msg)
                with as_output_error(copy.target):
                    _write_copy(copy, source, file.stream)


def _write_copy(copy: FileCopy, source: IO[bytes], stream: IO[bytes]) -> None:
    """Write a copy of a file to an empty one."""
    size = source.seek(0, os.SEEK_END)
    position = 0
    for patch in copy.patches:
        array = patch.array
        _copy_range(copy.source, source, stream, position, array.header_start)
        if array.constant is None:
            position = _write_image(copy.source, patch, source, stream, size)
        else:
            position = array.data_start
            _write_constant(patch, source, stream)
    _copy_range(copy.source, source, stream, position, size)


def _cards_of(patch: Patch, source: IO[bytes]) -> tuple[list[bytes], int]:
    """Return the new cards of a DQ array, and the length of its header in the file."""
    array = patch.array
    source.seek(array.header_start)
    header = source.read(array.data_start - array.header_start)
    return with_history(cards_in(header), patch.history), len(header)


def _write_image(
    path: str, patch: Patch, source: IO[bytes], stream: IO[bytes], size: int
) -> int:
    """Write the HDU of a DQ array with its flags set; return where it ends in the source."""
    array = patch.array
    cards, length = _cards_of(patch, source)
    header_start = stream.tell()
    stream.write(with_sums(cards, 0, length=length))
    total, end = 0, min(array.data_start + -(-array.size // BLOCK) * BLOCK, size)
    buffer = np.empty(_CHUNK, np.uint8)
    source.seek(array.data_start)
    for start in range(array.data_start, end, _CHUNK):
        chunk = buffer[: min(_CHUNK, end - start)]
        _read_into(path, source, chunk)
        done = start - array.data_start
        pixels = chunk[: max(array.size - done, 0)].view(array.dtype)
        array.set_flags(pixels, patch.flags, done // array.dtype.itemsize)
        stream.write(chunk.data)
        if has_sums(cards):
            total = sum_added(total, _sum_of_bytes(chunk))
    _finish(stream, header_start, cards, total, length)
    start_flush(stream, header_start, stream.tell())
    return end


def _write_constant(patch: Patch, source: IO[bytes], stream: IO[bytes]) -> None:
    """Write the HDU of a constant DQ array, as an image if any flag is set in it."""
    array = patch.array
    cards, length = _cards_of(patch, source)
    header_start = stream.tell()
    pixels = array.constant_pixels()
    before = pixels[patch.flags.pixels]
    array.set_flags(pixels, patch.flags, 0)
    data = np.empty(0, np.uint8)
    if not np.array_equal(before, pixels[patch.flags.pixels]):
        cards = as_image(cards, array.shape, array.bits)
        data = np.zeros(-(-array.size // BLOCK) * BLOCK, np.uint8)
        data[: array.size] = pixels.view(np.uint8)
    stream.write(with_sums(cards, 0, length=length))
    stream.write(data.data)
    _finish(stream, header_start, cards, _sum_of_bytes(data), length)


def _finish(
    stream: IO[bytes], header_start: int, cards: list[bytes], total: int, length: int
) -> None:
    """Write the header of an HDU again, when the sum of its data is known."""
    if has_sums(cards):
        end = stream.tell()
        stream.seek(header_start)
        stream.write(with_sums(cards, total, length=length))
        stream.seek(end)


def _sum_of_bytes(data: np.ndarray[Any, np.dtype[np.uint8]]) -> int:
    whole = data.size // 4 * 4
    return sum_added(sum_of(data[:whole].data), sum_of(data[whole:].tobytes().ljust(4, b"\0")))


def _copy_range(
    path: str, source: IO[bytes], stream: IO[bytes], start: int, end: int
) -> None:
    """Copy the bytes from `start` to `end` to the end of a file, within the kernel if it can."""
    if not is_remote(path) and hasattr(os, "copy_file_range"):
        start = _copied_by_kernel(source, stream, start, end)
    if start == end:
        return
    source.seek(start)
    buffer = np.empty(min(_CHUNK, end - start), np.uint8)
    for position in range(start, end, _CHUNK):
        chunk = buffer[: end - position]
        _read_into(path, source, chunk)
        stream.write(chunk.data)


def _copied_by_kernel(source: IO[bytes], stream: IO[bytes], start: int, end: int) -> int:
    """Copy bytes within the kernel; return the position up to which that was possible."""
    stream.flush()
    position = stream.tell()
    with suppress(OSError):  # the usual way is tried next, whose errors say what is wrong
        while start < end:
            count = os.copy_file_range(
                source.fileno(), stream.fileno(), min(end - start, _FLUSHED), start, position
            )
            if not count:
                break
            start_flush(stream, position, position + count)
            start, position = start + count, position + count
    stream.seek(position)
    return start


def _read_into(path: str, source: IO[bytes], chunk: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """Fill an array with the next bytes of a file."""
    with as_input_error(path):
        if source.readinto(chunk.data) != chunk.size:  # type: ignore[attr-defined]
            msg = "it became shorter while it was read"
            raise EOFError(msg)
