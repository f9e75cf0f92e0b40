"""Mutants of files with compressed images, by number, and their readers in a process of its own.

    python -m tests.support.mutants READER FIRST COUNT FOLDER

tries COUNT mutants from number FIRST on, and prints a line for each: its number, the seconds that
it took, and a digest of its pixels, or ``-`` if it was refused.  READER is ``ours``, all readers
in two threads; or ``pixels``, only that of images; or ``astropy``, in forked processes, since some
mutants kill these; ``killed`` is printed for them.  The last line is the largest memory of the
process, in MiB.
"""

import gzip
import hashlib
import mmap
import os
import random
import resource
import signal
import struct
import sys
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from staticmask_cli import StaticMaskError, create_masks
from staticmask_cli.apply.dq_array import read_dq_arrays
from staticmask_cli.exposures.exposure import read_exposure
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.open import as_input_error, astropy_silenced, opened, pixels_of
from staticmask_cli.forms.reading import read_lists
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.reports.inspection import inspect_mask
from tests.support import fuzzing
from tests.support.packed import COMPRESSIONS, Packed, packed, packed_from

SHAPE = (19, 34)
LONGEST_OF_ASTROPY = 5  # seconds; it may wait for ever in memory that it has damaged
NUMBERS = (0, 1, 2, 3, 4, 7, 16, 19, 25, 33, 34, 35, 127, 128, 255, 256, 4095, 32_767, 65_535,
           2**24, 2**31 - 1, -1, -2, -32_768, -(2**31))
CARDS: dict[str, tuple[str, ...]] = {
    "ZCMPTYPE": ("'RICE_1'", "'GZIP_1'", "'GZIP_2'", "'HCOMPRESS_1'", "'PLIO_1'", "'NOCOMPRESS'"),
    "ZQUANTIZ": ("'NO_DITHER'", "'SUBTRACTIVE_DITHER_1'", "'SUBTRACTIVE_DITHER_2'", "'NONE'"),
    "ZBITPIX": ("8", "16", "32", "64", "-32", "-64"), "ZNAXIS": ("1", "2", "3"),
    "ZNAXIS1": ("0", "1", "33", "35", "4096"), "ZNAXIS2": ("0", "1", "18", "20", "4096"),
    "ZTILE1": ("1", "4", "17", "33", "34"), "ZTILE2": ("1", "2", "5", "19"),
    "ZVAL1": ("0", "1", "16", "32", "33", "4096", "2147483647"),
    "ZVAL2": ("0", "1", "2", "3", "4", "8", "16"), "THEAP": ("0", "8", "10000"),
    "ZDITHER0": ("0", "1", "9999", "10000", "10001", "-3"), "ZBLANK": ("0", "900", "-2147483648"),
    "BLANK": ("0", "900"), "BZERO": ("32768", "-7", "0.5"), "BSCALE": ("2", "1E300"),
    "TFORM1": ("'1PB(9)'", "'1QB(9)'", "'1PI(9)'", "'1PJ(9)'", "'2PB(9)'"),
    "TFIELDS": ("0", "1", "2", "9"), "PCOUNT": ("0", "100", "1000000"),
    "NAXIS1": ("0", "8", "16", "24"), "NAXIS2": ("0", "1", "18", "20"),
    "TTYPE1": ("'GZIP_COMPRESSED_DATA'", "'UNCOMPRESSED_DATA'", "'X'"),
}
Base = tuple[str, int, Packed]
"""The kind of a file, the number of its compressed image, and its bytes."""


@cache
def all_bases(folder: Path) -> list[Base]:
    """Return sound files: exposures, lists of bad pixels, and masks that are made in a folder."""
    return [*_images(), *_masks(folder)]


def _images() -> list[Base]:
    """Return exposures and lists of bad pixels."""
    sky = np.random.default_rng(3).normal(900.0, 40.0, SHAPE)
    tiles: list[dict[str, Any]] = [{"tile_shape": (8, 17)}, {"tile_shape": SHAPE},
                                   {"tile_shape": (1, SHAPE[1])}]
    images = [packed(np.round(sky / 9).astype(dtype), kind, **how)
              for kind in COMPRESSIONS if kind != "HCOMPRESS_1"
              for dtype in ("u1", "i2", "i4") for how in tiles]
    images += [packed(np.round(sky).astype(dtype), "HCOMPRESS_1", hcomp_scale=scale,
                      hcomp_smooth=scale > 0, tile_shape=shape)
               for dtype in ("i2", "i4") for scale in (0, 3) for shape in (SHAPE, (10, 17))]
    images += [packed(np.round(sky).astype("u2"), "RICE_1", **how) for how in tiles]
    for kind in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1"):
        for dtype, dither in (("f4", -1), ("f4", 1), ("f4", 2), ("f8", 1)):
            real = sky.astype(dtype)
            real[3, 4], real[5], real[7] = np.nan, 0, np.linspace(-1e30, 1e30, SHAPE[1])
            images.append(packed(real, kind, quantize_method=dither, dither_seed=7,
                                 **tiles[1 if kind == "HCOMPRESS_1" else 2]))
    lists = [packed(np.eye(*SHAPE, dtype="i2"), kind, name="DQ") for kind in COMPRESSIONS
             if kind != "HCOMPRESS_1"]
    return [*(("exposure", 1, image) for image in images), *(("list", 1, one) for one in lists)]


def _masks(folder: Path) -> list[Base]:
    """Return masks of ours, whose WHY, VOTES or SCORE are compressed."""
    found: list[Base] = []
    sky = np.random.default_rng(4).normal(900.0, 40.0, SHAPE).astype("f4")
    for name in "ab":
        sci = fits.ImageHDU(np.roll(sky, ord(name), 1), name="SCI", ver=1)
        dq = fits.ImageHDU(np.eye(*SHAPE, dtype="i2"), name="DQ", ver=1)
        primary = fits.PrimaryHDU(header=fits.Header(
            {"INSTRUME": "ACS", "DETECTOR": "WFC", "EXPTIME": 9.0, "ROOTNAME": name}))
        fits.HDUList([primary, sci, dq]).writeto(folder / f"{name}_flt.fits", overwrite=True)
    for number, rule in enumerate(({"final_bits": 0}, {"agree": 2})):
        (mask,) = create_masks(f"{folder}/?_flt.fits", output_dir=folder / f"masks{number}",
                               static_sig=2.0, overwrite=True, **rule)  # type: ignore[arg-type]
        content = Path(str(mask.path)).read_bytes()
        with fits.open(str(mask.path)) as hdus:
            found += [("mask", n, packed_from(content, n)) for n, hdu in enumerate(hdus)
                      if isinstance(hdu, fits.CompImageHDU)]
    return found


def _with_number(base: Packed, chance: random.Random, first: int, count: int) -> Packed:
    """Return a file with an interesting number somewhere in some bytes."""
    form = chance.choice([">h", ">i", ">q", "B"])
    number = chance.choice(NUMBERS) % (1 << 8 * struct.calcsize(form))
    new = number.to_bytes(struct.calcsize(form), "big")
    return base.with_bytes(first + chance.randrange(max(1, count)), new)


def _in_rows(base: Packed, chance: random.Random) -> Packed:
    return _with_number(base, chance, base.rows, base.width * base.count)


def _in_heap(base: Packed, chance: random.Random) -> Packed:
    return _with_number(base, chance, base.heap, base.size)


def _in_stream(base: Packed, chance: random.Random) -> Packed:
    """Return a file with an interesting number in the first bytes of a stream."""
    _, offset = base.stream(chance.randrange(base.count))
    return _with_number(base, chance, base.heap + max(0, min(offset, base.size)), 28)


def _descriptor(base: Packed, chance: random.Random) -> Packed:
    row = chance.randrange(base.count)
    length, offset = base.stream(row)
    other = base.stream(chance.randrange(base.count))
    length = chance.choice((length, length - 1, length + 1, length // 2, other[0],
                            chance.choice(NUMBERS)))
    offset = chance.choice((offset, offset + 1, other[1], chance.choice(NUMBERS)))
    return base.with_stream(row, length=max(-(2**31), min(length, 2**31 - 1)),
                            offset=max(-(2**31), min(offset, 2**31 - 1)))


def _card(base: Packed, chance: random.Random) -> Packed:
    key = chance.choice(sorted(CARDS))
    return base.with_card(key, chance.choice(CARDS[key]))


def _any_card(base: Packed, chance: random.Random) -> Packed:
    content = bytearray(base.content)
    fuzzing.set_card(content, where=chance.randrange(1 << 20), key=None,
                     value=str(chance.choice(NUMBERS)))
    return base.with_bytes(0, bytes(content))


def _noise(base: Packed, chance: random.Random) -> Packed:
    position = base.rows + chance.randrange(base.width * base.count + base.size)
    return base.with_bytes(position, chance.randbytes(chance.choice((1, 1, 2, 4, 40))))


MUTATIONS: tuple[Callable[[Packed, random.Random], Packed], ...] = (
    _in_rows, _in_heap, _in_stream, _in_stream, _descriptor, _descriptor, _card, _card, _any_card,
    _noise, _noise,
)


def mutant(number: int, bases: list[Base]) -> tuple[str, int, bytes]:
    """Return the kind of a mutant, the number of its compressed image, and its bytes."""
    chance = random.Random(number)  # noqa: S311 - no secret
    kind, image, base = chance.choice(bases)
    length = len(base.content)
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
        base = chance.choice(MUTATIONS)(base, chance)
    content = base.content[: length if chance.random() > 0.02 else chance.randrange(length)]
    return kind, image, gzip.compress(content, 1) if number % 50 == 0 else content


def _digest(pixels: Any) -> str:  # noqa: ANN401
    """Return a digest of pixels, which does not depend on their byte order."""
    if pixels is None:
        return "-"
    array = np.array(pixels, dtype=pixels.dtype.newbyteorder("<"))
    if array.dtype.kind == "f":
        array[np.isnan(array)] = np.nan  # all of one pattern
    return hashlib.sha1(array.tobytes() + f"{array.shape}{array.dtype.str}".encode(),
                        usedforsecurity=False).hexdigest()[:12]


def _read(kind: str, path: str, image: int) -> str:
    """Try all readers of ours for a kind of file, and return the digest of its image."""
    readers: tuple[Callable[[], object], ...] = (
        lambda: [read_pixels(chip) for chip in read_exposure(path).chips],
    )
    if kind == "list":
        readers = (lambda: read_lists(path, 1), lambda: read_dq_arrays(path, {1: path}),
                   lambda: expand_inputs([path]))
    elif kind == "mask":
        readers = (lambda: StaticMask.read(path), lambda: inspect_mask(path),
                   lambda: read_lists(path, None))
    for reader in readers:
        try:
            reader()
        except StaticMaskError as error:
            if fuzzing.WORDS_OF_LIBRARIES.search(str(error).replace(path, "")):
                raise AssertionError(str(error)) from error
    return _read_pixels(kind, path, image)


def _read_pixels(_kind: str, path: str, image: int) -> str:
    try:
        with as_input_error(path), opened(path) as hdus:
            return _digest(pixels_of(hdus[image], path))
    except StaticMaskError:
        return "-"


def _read_by_astropy(_kind: str, path: str, image: int) -> str:
    try:
        with fits.open(path, memmap=False) as hdus, np.errstate(all="ignore"):
            return _digest(hdus[image].data)
    except Exception:  # noqa: BLE001 - of any type
        return "-"


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def _try_all(
    reader: Callable[[str, str, int], str], numbers: Sequence[int], folder: Path, threads: int,
    begun: Callable[[int], None] = lambda _: None,
) -> None:
    """Try mutants, and print a line for each."""
    lock = threading.Lock()

    def attempt(number: int) -> None:
        begun(number)
        kind, image, content = mutant(number, all_bases(folder))
        path = folder / f"{threading.get_ident()}_asn.fits"
        path.write_bytes(content)
        start = time.perf_counter()
        result = reader(kind, str(path), image)
        with lock:
            _say(number, f"{time.perf_counter() - start:.2f}", result)

    with ThreadPoolExecutor(threads) as pool, astropy_silenced():
        for _ in pool.map(attempt, numbers):
            pass


def _try_in_forks(first: int, end: int, folder: Path) -> None:
    """Try mutants with astropy, and continue after each that kills the process."""
    current = mmap.mmap(-1, 8)  # shared with the forked process

    def begun(number: int) -> None:
        current[:] = number.to_bytes(8, "big")
        signal.alarm(LONGEST_OF_ASTROPY)  # which ends the process

    while first < end:
        process = os.fork()
        if not process:
            warnings.simplefilter("ignore")
            _try_all(_read_by_astropy, range(first, end), folder, 1, begun)
            os._exit(0)
        if not os.waitpid(process, 0)[1]:
            break
        first = int.from_bytes(current[:], "big") + 1
        _say(first - 1, 0, "killed")


def main(reader: str, first: int, count: int, folder: Path) -> None:
    """Try `count` mutants from a number on."""
    folder.mkdir(exist_ok=True)
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # so that the masks are the same in each process
    all_bases(folder)
    if reader == "astropy":
        _try_in_forks(first, first + count, folder)
    else:
        warnings.simplefilter("error")
        ours = {"ours": _read, "pixels": _read_pixels}[reader]
        _try_all(ours, range(first, first + count), folder, 2)
    _say("MiB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
