"""Mutations of FITS files, and bounds on the time and memory for reading them."""

import contextlib
import os
import re
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from staticmask_cli import StaticMaskError

INPUTS = int(os.environ.get("STATICMASK_FUZZ", "60"))
LONGEST = 5  # seconds for one input
MOST = 32 << 20  # bytes of memory for an input of some thousand bytes that is not compressed
MOST_COMPRESSED = 1 << 30  # bytes for one that is, of which 256 MiB are pixels

# What Python and libraries say to programmers, and no message may say to a user.
WORDS_OF_LIBRARIES = re.compile(
    r"object has no|NoneType|_BaseHDU|HDUList|Traceback|<class|numpy|astropy|\bint\(\)|buffer|"
    r"shape \(\)|[a-z]Error\b|codec|invalid literal|must be (str|int|real)|positional"
)

Mutation = Callable[[bytearray], None]


class Hang(BaseException):
    """An input needs too much time; no `except Exception` may catch this."""


def inputs(share: float) -> settings:
    """Return the settings of a test that tries a share of all inputs."""
    return settings(
        max_examples=max(1, round(INPUTS * share)), database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


@contextlib.contextmanager
def bounded(most: int) -> Iterator[None]:
    """Limit the time and memory for an input, and allow no error but a StaticMaskError."""
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Hang

    tracemalloc.start()
    handler = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        yield
    except StaticMaskError as error:
        if WORDS_OF_LIBRARIES.search(str(error)):
            pytest.fail(f"words of a library: {error}")
    except Hang:
        pytest.fail(f"it takes more than {LONGEST} s")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, handler)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < most


KEYS = st.sampled_from([
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "NAXIS3", "PCOUNT", "GCOUNT",
    "GROUPS", "EXTEND", "TFIELDS", "TFORM1", "TTYPE1", "TDIM1", "TDIM2", "TNULL1", "TSCAL1",
    "TZERO1", "TBCOL1", "TUNIT1", "THEAP", "TFORM2", "TFORM3", "TTYPE2", "BSCALE", "BZERO",
    "BLANK", "EXTNAME", "EXTVER", "EXTLEVEL", "INSTRUME", "DETECTOR", "CAMERA", "CCDCHIP",
    "LTV1", "LTV2", "BINAXIS1", "SUBSTRT1", "EXPTIME", "NGOODPIX", "PIXVALUE", "NPIX1", "NPIX2",
    "ZIMAGE", "ZCMPTYPE", "ZBITPIX", "ZNAXIS", "ZNAXIS1", "ZNAXIS2", "ZTILE1", "ZTILE2",
    "ZNAME1", "ZVAL1", "ZQUANTIZ", "ZDITHER0", "ZSCALE", "ZZERO", "ZBLANK", "ROOTNAME", "BUNIT",
    "CREATOR", "OBSTYPE", "TELESCOP", "CHECKSUM", "CONTINUE", "END", "HIERARCH", "HISTORY", "",
])
VALUES = st.one_of(
    st.sampled_from([
        "-1", "0", "1", "2", "3", "7", "9", "11", "999", "1000", "2147483647", "2147483648",
        "-2147483649", "4294967296", "9223372036854775807", "18446744073709551616", "9" * 30,
        "1E400", "1E300", "-1.5", "9.0", "NaN", "inf", "T", "F", "", "''", "'SCI'", "'DQ     '",
        "'IMAGE   '", "'BINTABLE'", "'TABLE   '", "'ACS'", "'STIS'", "'NICMOS'", "'WFPC2'",
        "'../../x'", "'-rf'", "'1PB(2000000000)'", "'1QB(9)'", "'99999999A'", "'P'", "'L'",
        "'(99999999,99999999)'", "'(-1,0)'", "'MEMNAME'", "'MEMTYPE'", "'RICE_1'", "'HCOMPRESS_1'",
        "'PLIO_1'", "'NOCOMPRESS'", "'long&'", "'it''s", "(1,2)", "0x10", "1 2",
        "'staticmask'", "' / '", "'SPECTROSCOPIC'", "'\x80\xff'", "- 1", "1D5", "8", "16",
        "32", "-32", "64", "-64", "128",
    ]),
    st.integers().map(str), st.floats().map(str), st.text("'&/ =A1\x00\x7f\xe9", max_size=20),
)


def cards_of(content: bytearray) -> list[int]:
    """Return the positions of the cards of all headers."""
    return [n for n in range(0, len(content) - 79, 80) if content[n + 8 : n + 10] == b"= "
            or bytes(content[n : n + 8]).rstrip() in (b"END", b"CONTINUE", b"HISTORY")]


def card(key: str, value: str) -> bytes:
    return f"{key:8.8}= {value:>20}".encode("latin-1")[:80].ljust(80)


def set_card(content: bytearray, *, where: int, key: str | None, value: str) -> None:
    """Replace the value of a card, and its keyword if there is one."""
    cards = cards_of(content)
    if cards:
        position = cards[where % len(cards)]
        name = key if key is not None else content[position : position + 8].decode("latin-1")
        content[position : position + 80] = card(name, value)


def set_key(content: bytearray, *, where: int, key: str, value: str) -> None:
    """Replace the value of a keyword in one of the headers, or any card if none has it."""
    found = [n for n in cards_of(content) if content[n : n + 8].decode("latin-1").strip() == key]
    if found:
        position = found[where % len(found)]
        content[position : position + 80] = card(key, value)
    else:
        set_card(content, where=where, key=key, value=value)


def insert_card(content: bytearray, *, where: int, key: str, value: str) -> None:
    """Insert a card; the cards that follow are moved into the first blank card."""
    cards = cards_of(content)
    if cards:
        position = cards[where % len(cards)]
        end = content.find(b" " * 80, position)
        if end > 0:
            content[position : end + 80] = card(key, value) + content[position:end]


def remove(content: bytearray, *, where: int, length: int) -> None:
    position = where % (len(content) + 1)
    del content[position : position + length]


def truncate(content: bytearray, *, where: int) -> None:
    del content[where % (len(content) + 1) :]


def flip(content: bytearray, *, where: int, value: int) -> None:
    if content:
        content[where % len(content)] = value


def insert(content: bytearray, *, where: int, what: bytes) -> None:
    position = where % (len(content) + 1)
    content[position:position] = what


def repeat(content: bytearray, *, where: int, block: int) -> None:
    """Insert a copy of a block of 2880 bytes elsewhere."""
    position, start = where % (len(content) + 1) // 2880 * 2880, block * 2880
    content[position:position] = content[start : start + 2880]


POSITIONS = st.integers(0, 1 << 20)
RAW: st.SearchStrategy[Mutation] = st.one_of(
    st.builds(partial, st.just(remove), where=POSITIONS, length=st.sampled_from([1, 79, 80, 2880])),
    st.builds(partial, st.just(truncate), where=POSITIONS),
    st.builds(partial, st.just(flip), where=POSITIONS, value=st.integers(0, 255)),
    st.builds(partial, st.just(insert), where=POSITIONS,
              what=st.binary(max_size=20) | st.just(bytes(2880)) | st.just(b" " * 2880)),
)
CARDS: st.SearchStrategy[Mutation] = st.one_of(
    st.builds(partial, st.just(set_card), where=POSITIONS, key=st.none() | KEYS, value=VALUES),
    st.builds(partial, st.just(set_key), where=POSITIONS, key=KEYS, value=VALUES),
    st.builds(partial, st.just(set_key), where=POSITIONS, key=KEYS, value=VALUES),
    st.builds(partial, st.just(insert_card), where=POSITIONS, key=KEYS, value=VALUES),
    st.builds(partial, st.just(repeat), where=POSITIONS, block=st.integers(0, 5)),
)
MUTATIONS = st.lists(st.one_of(CARDS, CARDS, RAW), min_size=1, max_size=4)


def mutated(content: bytes, mutations: list[Mutation]) -> bytes:
    changed = bytearray(content)
    for mutation in mutations:
        mutation(changed)
    return bytes(changed)
