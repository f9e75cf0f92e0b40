"""The errors that a user's data, files or parameters cause, with one base class.

Each of them is also one of Python's own exceptions, so that code which catches ``OSError`` or
``ValueError`` catches these too.
"""

import errno
import os
from collections.abc import Iterable, Sequence

__all__ = [
    "ChipError",
    "ClusterError",
    "ConfigError",
    "ExposureError",
    "FaultError",
    "InputError",
    "Lines",
    "OutputError",
    "StaticMaskError",
    "described",
    "first_few",
    "in_words",
    "is_of_system",
]

_REMEDIES = {
    errno.EIO: "the disk or the network failed: try again, or with a copy",
    errno.ESTALE: "the file server has replaced it meanwhile: run it again",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "wait until other programs have closed theirs",
    errno.ENOMEM: "use a smaller --jobs, or a machine with more memory",
    errno.EACCES: "change its permissions, or those of a folder above it",
}


class StaticMaskError(Exception):
    """A problem that a user's data, files or parameters caused.

    Its text is one complete message: which file or parameter, what was
    expected, what was found, what to do.
    """


class FaultError(ValueError):
    """What is wrong with the content of a file, in words for a user but without its name.

    It never reaches a user: `as_input_error` makes an `InputError` of it, which names the file.
    """


class ConfigError(StaticMaskError, ValueError):
    """A parameter or a ``.cfg`` file is not usable (exit code 2)."""


class InputError(StaticMaskError, OSError):
    """Inputs do not exist, match nothing or cannot be opened (exit code 1)."""


class ExposureError(StaticMaskError, ValueError):
    """A file was opened but is not an exposure that can be masked (exit code 1)."""


class ChipError(StaticMaskError, TypeError):
    """An array is not a chip: it is complex, not numeric, or of another shape (exit code 1)."""


class OutputError(StaticMaskError, OSError):
    """A result cannot be written to its file or folder (exit code 1)."""


class ClusterError(StaticMaskError, OSError):
    """A Dask cluster does not answer, or its scheduler or workers were lost (exit code 1)."""


class Lines(str):
    """The text of an error of several lines, each a message of its own.

    An end of a line in any other text is part of the name of a file.
    """

    __slots__ = ()

    @classmethod
    def of(cls, messages: Iterable[object]) -> "Lines":
        """Join messages, in which ends of lines are escapes."""
        return cls("\n".join(
            str(message) if _is_of_lines(message) else str(message).replace("\n", "\\n")
            for message in messages
        ))


def _is_of_lines(message: object) -> bool:
    args = message.args if isinstance(message, BaseException) else (message,)
    return bool(args) and isinstance(args[0], Lines)


def in_words(error: Exception) -> str:
    """Describe an error in words for a user: what the system could not do, and what to do.

    Examples
    --------
    >>> in_words(MemoryError())
    'it needs more memory than there is; use a smaller --jobs, or a machine with more memory'
    >>> in_words(OSError(errno.ENFILE, "Too many open files in system"))
    'Too many open files in system; wait until other programs have closed theirs'
    """
    if isinstance(error, MemoryError):
        return f"it needs more memory than there is; {_REMEDIES[errno.ENOMEM]}"
    if isinstance(error, OSError) and error.strerror:
        return "; ".join(filter(None, (error.strerror, _REMEDIES.get(error.errno or 0))))
    return str(error)


def is_of_system(error: StaticMaskError) -> bool:
    """Whether a file could not be read because of the system, so that its content is unknown."""
    return isinstance(error.__cause__, MemoryError) or bool(getattr(error.__cause__, "errno", None))


def first_few(names: Sequence[str], most: int = 3) -> str:
    """Join the first few names for a message, with the number of the others.

    Examples
    --------
    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    others = len(names) - most
    return ", ".join(names[:most]) + (f" and {others} more" if others > 0 else "")


def described(value: object, longest: int = 100) -> str:
    """Describe a value of any type in a message: by its text, or an object by its type and shape.

    Examples
    --------
    >>> described("global"), described([1, 2]), described(memoryview(b"abc"))
    ('global', '[1, 2]', 'memoryview of shape (3,)')
    """
    items = value if isinstance(value, list | tuple) else [value]
    if all(isinstance(item, str | int | float | os.PathLike | None) for item in items):
        text = str(value)
        return text if len(text) <= longest else f"{text[:longest]}..."
    shape = getattr(value, "shape", ())
    return type(value).__name__ + (f" of shape {shape}" if shape else "")
