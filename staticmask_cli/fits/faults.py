"""Whatever is wrong with a file, as an `InputError` that names it in plain words."""

import logging
import re
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from staticmask_cli.errors import FaultError, InputError, StaticMaskError, in_words
from staticmask_cli.fits.header import fits

__all__ = ["UNREADABLE", "as_input_error"]

log = logging.getLogger(__name__)

# What numpy, zlib and astropy raise on headers and files that are not what they claim to be.
UNREADABLE = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    ArithmeticError, AssertionError, MemoryError, RuntimeError, struct.error, zlib.error,
)
_LONGEST_NAME = 40  # of a missing keyword or extension, in a message


@contextmanager
def as_input_error(path: str) -> Iterator[None]:
    """Raise whatever is wrong with a file as an InputError that names it.

    Raises
    ------
    InputError
        If the with block raises what reading a damaged file can raise.
    """
    try:
        yield
    except StaticMaskError:
        raise
    except FaultError as error:
        verb = "" if str(error).startswith("is ") else "cannot be read as FITS: "
        msg = f"{path}: {verb}{error}"
        raise InputError(msg) from error
    except Exception as error:
        if not isinstance(error, UNREADABLE) and not isinstance(error, fits.VerifyError):
            raise
        log.debug("%s: %s: %s", path, type(error).__name__, error)
        by_system = isinstance(error, MemoryError) or getattr(error, "strerror", None)
        what = f": {in_words(error)}" if by_system else f" as FITS: {_in_plain_words(error)}"
        msg = f"{path}: cannot be read{what}"
        raise InputError(msg) from error


def _in_plain_words(error: Exception) -> str:
    """Describe what went wrong, without the words in which libraries speak to programmers."""
    missing = re.search(r"'([A-Z0-9_-]+)'", str(error)) if isinstance(error, KeyError) else None
    if missing:
        return f"{missing[1][:_LONGEST_NAME]} is missing"
    if isinstance(error, EOFError | zlib.error):
        return "its compressed data are damaged or truncated"
    return "its headers or its data are damaged"
