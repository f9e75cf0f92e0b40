"""The number of files that may be open, which some systems set to 256 at first."""

from contextlib import suppress

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

__all__ = ["allow_open_files"]

_OTHERS = 1024  # files that the process may have open besides


def allow_open_files(number: int) -> None:
    """Raise the limit of this process, as far as the system lets it, so that files can be open.

    Parameters
    ----------
    number : int
        How many files will be open at the same time.
    """
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _OTHERS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
