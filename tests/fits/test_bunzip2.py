"""The content of a bzip2 file is read at any position, and unpacked once for many readers."""

import bz2
import io
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import IO

import numpy as np
import pytest

from staticmask_cli.fits.inflate import Inflated, LayoutError, bounded

CONTENT = np.random.default_rng(3).integers(0, 16, 100_000, dtype=np.uint8).tobytes()
PACKED = bz2.compress(CONTENT)
UNPACK = bz2.BZ2File


def content_of(version: tuple[str, int] | None) -> Inflated:
    content = bounded(io.BytesIO(PACKED), len(PACKED), version)
    assert isinstance(content, Inflated)
    return content


def test_threads_read_one_copy_each_at_its_own_position(monkeypatch: pytest.MonkeyPatch) -> None:
    unpacked: list[IO[bytes]] = []

    def counted(file: IO[bytes]) -> "bz2.BZ2File":
        unpacked.append(file)
        return UNPACK(file)

    monkeypatch.setattr("bz2.BZ2File", counted)

    def read(start: int) -> bytes:
        content = content_of(("a.fits.bz2", 1))
        assert content.seek(start) == content.tell() == start
        buffer = bytearray(1000)
        assert content.readinto(buffer) == 1000
        return bytes(buffer) + content.read(500)

    starts = range(0, 90_000, 1234)
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(read, starts)) == [CONTENT[n : n + 1500] for n in starts]
    assert len(unpacked) == 1
    assert content_of(None).read() == content_of(("a.fits.bz2", 2)).read() == CONTENT
    assert len(unpacked) == 3


def test_what_inflates_to_too_much_is_refused_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryFile() as refused, tempfile.TemporaryFile() as kept:
        monkeypatch.setattr("tempfile.TemporaryFile", lambda: refused)
        monkeypatch.setattr("staticmask_cli.fits.inflate.largest_content", lambda _: 99_999)
        with pytest.raises(LayoutError, match="inflate to more than 99999 bytes"):
            content_of(("b.fits.bz2", 1))
        assert refused.closed
        monkeypatch.undo()
        monkeypatch.setattr("tempfile.TemporaryFile", lambda: kept)
        assert content_of(("b.fits.bz2", 1)).seek(0, io.SEEK_END) == len(CONTENT)
        assert not kept.closed
