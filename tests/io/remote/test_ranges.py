"""Files that are read by byte ranges."""

import io
import random

import pytest

from staticmask_cli.io.remote.ranges import HeaderCache, RangeFile, header_cache_of

CONTENT = random.Random(4).randbytes(300_000)  # noqa: S311 - a test


class Source:
    """A source of bytes that records the ranges which were fetched."""

    def __init__(self) -> None:
        self.fetched: list[tuple[int, int]] = []

    def fill(self, start: int, memory: memoryview) -> None:
        stop = start + len(memory)
        self.fetched.append((start, stop))
        memory[:] = CONTENT[start:stop]


def test_a_range_file_reads_like_any_other_file() -> None:
    file, plain = RangeFile(Source().fill, len(CONTENT), HeaderCache()), io.BytesIO(CONTENT)
    rng = random.Random(5)  # noqa: S311 - a test
    for _ in range(300):
        position = rng.randrange(len(CONTENT) + 5000)
        size = rng.choice([1, 80, 2880, 30_000, 70_000, -1, 0])
        assert file.seek(position) == plain.seek(position) == file.tell()
        assert file.read(size) == plain.read(size)
        ours, theirs = bytearray(abs(size)), bytearray(abs(size))
        assert file.seek(position) == plain.seek(position)
        assert file.readinto(ours) == plain.readinto(theirs)
        assert ours == theirs
        assert file.tell() == plain.tell()
    assert file.seek(-10, io.SEEK_END) == plain.seek(-10, io.SEEK_END)
    assert file.seek(3, io.SEEK_CUR) == plain.seek(3, io.SEEK_CUR)
    buffer = bytearray(100)
    assert file.readinto(buffer) == 7
    assert bytes(buffer[:7]) == CONTENT[-7:]


def test_headers_cost_few_requests_and_pixels_are_fetched_exactly() -> None:
    source = Source()
    file = RangeFile(source.fill, len(CONTENT), HeaderCache())
    for _ in range(12):  # a header of twelve blocks
        file.read(2880)
    assert source.fetched == [(0, 14_400), (14_400, 43_200)]
    file.seek(50_000)
    file.read(200_000)
    assert source.fetched[2:] == [(50_000, 250_000)]
    again = file.reopened()
    assert again.read(2880) == CONTENT[:2880]
    assert len(source.fetched) == 3


def test_a_header_cache_is_of_one_version_of_a_file_and_bounded() -> None:
    cache = header_cache_of("memory://a", (10, "etag"))
    cache.add(0, b"0123456789")
    assert header_cache_of("memory://a", (10, "etag")).find(3) == (0, b"0123456789")
    assert header_cache_of("memory://a", (10, "other")).find(3) is None
    for number in range(40):
        cache.add(number << 20, bytes(1 << 20))
    assert cache.size <= 8 << 20


@pytest.mark.parametrize("size", [0, 5])
def test_nothing_is_fetched_beyond_the_end(size: int) -> None:
    source = Source()
    file = RangeFile(source.fill, size, HeaderCache())
    file.seek(size)
    assert file.read(2880) == b""
    assert source.fetched == []
