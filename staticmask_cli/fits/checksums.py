"""CHECKSUM and DATASUM of an HDU: appendix J of the FITS standard 4.0."""

import numpy as np

__all__ = ["NO_CHECKSUM", "checksum_of", "sum_added", "sum_of"]

NO_CHECKSUM = "0" * 16
"""The value of CHECKSUM while the sum of an HDU is computed."""

_ALL_ONES = 0xFFFFFFFF


def sum_of(data: bytes | memoryview) -> int:
    """Return the sum of big-endian 32-bit words in one's complement."""
    return sum_added(int(np.frombuffer(data, ">u4").sum(dtype=np.uint64)), 0)


def sum_added(first: int, second: int) -> int:
    """Add in one's complement; zero is written as all ones, unless both numbers are zero."""
    total = first + second
    return total and (total - 1) % _ALL_ONES + 1


def checksum_of(total: int) -> str:
    """Return the CHECKSUM of an HDU, which makes the sum of all its bytes minus zero.

    It is the complement of the sum as 16 letters and digits.  Each byte is the sum of four
    characters above ``0``, with a quarter of it each and the remainder in the first; pairs of them
    are shifted in opposite directions until none is punctuation.  The text is rotated by one
    character, as the value of a card does not begin at the start of a word.

    Parameters
    ----------
    total : int
        The sum of all bytes of the HDU, where CHECKSUM is `NO_CHECKSUM`.
    """
    columns = []
    for byte in (_ALL_ONES - total).to_bytes(4, "big"):
        quarter, remainder = divmod(byte, 4)
        four = [ord("0") + quarter] * 4
        four[0] += remainder
        for pair in (0, 2):
            while not all(chr(code).isalnum() for code in four[pair : pair + 2]):
                four[pair] += 1
                four[pair + 1] -= 1
        columns.append(four)
    text = "".join(chr(column[n]) for n in range(4) for column in columns)
    return text[-1:] + text[:-1]
