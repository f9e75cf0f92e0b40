"""The content of a gzip file is read at any position, and inflated once for many readers."""

import gzip
import io
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.fits import gunzip
from staticmask_cli.fits.gunzip import Gunzipped

CONTENT = np.random.default_rng(3).integers(0, 16, 300_000, dtype=np.uint8).tobytes()
PACKED = gzip.compress(CONTENT, 1)
CUTS = st.lists(st.integers(0, 5000), max_size=6)
MOVES = st.lists(st.tuples(st.integers(0, 5200), st.integers(0, 700)), max_size=8)


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep few states, which are near to each other."""
    monkeypatch.setattr(gunzip, "_APART", 100)
    monkeypatch.setattr(gunzip, "_MOST_STATES", 4)


@pytest.mark.usefixtures("near")
@given(cuts=CUTS, moves=MOVES, others=MOVES, zeros=st.booleans())
def test_any_position_is_read_as_gzip_reads_it(
    cuts: list[int], moves: list[tuple[int, int]], others: list[tuple[int, int]], *, zeros: bool
) -> None:
    limits = [0, *sorted(cuts), 5000]
    packed = b"".join(gzip.compress(CONTENT[start:stop]) + bytes(3 * zeros)
                      for start, stop in pairwise(limits))
    version = (repr(limits), zeros)
    for requests in (moves, others):  # the second reader has the states of the first
        theirs = gzip.GzipFile(fileobj=io.BytesIO(packed))
        ours = Gunzipped(io.BytesIO(packed), version)
        for position, size in requests:
            assert ours.seek(position) == theirs.seek(position)
            assert ours.read(size) == theirs.read(size)
            buffer = bytearray(size)
            assert buffer[: ours.readinto(memoryview(buffer))] == theirs.read(size)
            assert ours.tell() == theirs.tell()


@pytest.mark.parametrize(("packed", "error"), [
    (PACKED[:-1], EOFError),
    (PACKED[:-5] + bytes([PACKED[-5] ^ 1]) + PACKED[-4:], zlib.error),  # its checksum
    (PACKED + b"no gzip", zlib.error),
    (PACKED + PACKED[:9], EOFError),
], ids=["truncated", "another checksum", "more at its end", "half a header"])
def test_a_damaged_file_is_an_error_also_from_a_state_on(
    packed: bytes, error: type[Exception]
) -> None:
    for _ in range(2):
        content = Gunzipped(io.BytesIO(packed), ("damaged", packed[-9:].hex()))
        content.seek(280_000)
        with pytest.raises(error):
            content.read(len(CONTENT))


class Counting(io.BytesIO):
    """A file that counts the bytes that are read from it."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        """Read bytes, and count them."""
        content = super().read(size)
        self.count += len(content)
        return content


def test_a_file_of_many_images_is_inflated_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gunzip, "_APART", 4000)
    monkeypatch.setattr(gunzip, "_PIECE", 1000)
    starts = range(0, len(CONTENT), 5000)
    whole = Counting(PACKED)
    content = Gunzipped(whole, ("many", 60))
    for start in starts:
        content.seek(start)
        content.read(9)
    assert whole.count <= len(PACKED)
    images = Counting(PACKED)
    for start in starts:
        content = Gunzipped(images, ("many", 60))
        content.seek(start + 20)
        assert content.read(100) == CONTENT[start + 20 : start + 120]
    assert images.count < len(PACKED)
