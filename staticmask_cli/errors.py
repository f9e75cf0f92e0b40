"""What can go wrong for a user: one root, each kind also a built-in exception."""

from collections.abc import Sequence

__all__ = [
    "ChipError",
    "ClusterError",
    "ConfigError",
    "ExposureError",
    "InputError",
    "OutputError",
    "StaticMaskError",
    "first_few",
]


class StaticMaskError(Exception):
    """A problem that a user's data, files or parameters caused.

    Its text is one complete message: which file or parameter, what was
    expected, what was found, what to do.
    """


class ConfigError(StaticMaskError, ValueError):
    """A parameter or a ``.cfg`` file is not usable (exit code 2)."""


class InputError(StaticMaskError, OSError):
    """Inputs do not exist, match nothing or cannot be opened (exit code 1)."""


class ExposureError(StaticMaskError, ValueError):
    """A file was opened and is not an exposure that can be masked (exit code 1)."""


class ChipError(StaticMaskError, TypeError):
    """An array is not a chip: complex, not numeric, or of another shape (exit code 1)."""


class OutputError(StaticMaskError, OSError):
    """A result cannot be written where it should go (exit code 1)."""


class ClusterError(StaticMaskError, OSError):
    """Nobody answers where a cluster should be, or its workers were lost (exit code 1)."""


def first_few(names: Sequence[str], most: int = 3) -> str:
    """Join the first few names for a message, with the number of the others.

    Examples
    --------
    >>> first_few(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    others = len(names) - most
    return ", ".join(names[:most]) + (f" and {others} more" if others > 0 else "")
