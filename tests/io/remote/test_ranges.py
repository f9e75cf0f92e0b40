"""Files that are read by asking for ranges."""

import io
import random

import pytest

from staticmask_cli.io.remote.ranges import HeaderCache, RangeFile, header_cache_of

CONTENT = random.Random(4).randbytes(300_000)  # noqa: S311 - a test


class Source:
    """Bytes, and which of them were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def fetch(self, start: int, stop: int) -> bytes:
        self.asked.append((start, stop))
        return CONTENT[start:stop]


def test_it_reads_as_any_file_does() -> None:
    file, plain = RangeFile(Source().fetch, len(CONTENT), HeaderCache()), io.BytesIO(CONTENT)
    chance = random.Random(5)  # noqa: S311 - a test
    for _ in range(300):
        place = chance.randrange(len(CONTENT) + 5000)
        size = chance.choice([1, 80, 2880, 30_000, 70_000, -1, 0])
        assert file.seek(place) == plain.seek(place) == file.tell()
        assert file.read(size) == plain.read(size)
    assert file.seek(-10, io.SEEK_END) == plain.seek(-10, io.SEEK_END)
    assert file.seek(3, io.SEEK_CUR) == plain.seek(3, io.SEEK_CUR)
    buffer = bytearray(100)
    assert file.readinto(buffer) == 7
    assert bytes(buffer[:7]) == CONTENT[-7:]


def test_headers_cost_few_requests_and_pixels_are_asked_for_exactly() -> None:
    source = Source()
    file = RangeFile(source.fetch, len(CONTENT), HeaderCache())
    for _ in range(12):  # a header of twelve blocks
        file.read(2880)
    assert source.asked == [(0, 14_400), (14_400, 43_200)]
    file.seek(50_000)
    file.read(200_000)
    assert source.asked[2:] == [(50_000, 250_000)]
    again = file.again()
    assert again.read(2880) == CONTENT[:2880]
    assert len(source.asked) == 3


def test_what_is_kept_is_of_the_same_file_and_not_endless() -> None:
    kept = header_cache_of("memory://a", (10, "etag"))
    kept.keep(0, b"0123456789")
    assert header_cache_of("memory://a", (10, "etag")).find(3) == (0, b"0123456789")
    assert header_cache_of("memory://a", (10, "other")).find(3) is None
    for number in range(40):
        kept.keep(number << 20, bytes(1 << 20))
    assert kept.size <= 8 << 20


@pytest.mark.parametrize("size", [0, 5])
def test_nothing_is_asked_for_beyond_the_end(size: int) -> None:
    source = Source()
    file = RangeFile(source.fetch, size, HeaderCache())
    file.seek(size)
    assert file.read(2880) == b""
    assert source.asked == []
