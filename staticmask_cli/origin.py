"""Where a run was started, as its tasks must know wherever they are done."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from staticmask_cli._version import __version__
from staticmask_cli.errors import StaticMaskError

__all__ = ["Origin"]


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


@dataclass(frozen=True)
class Origin:
    """Process that started a run.

    Attributes
    ----------
    version : str
        Of this package.
    folder : str
        The current one, from which relative paths count.
    host : str
        Name of the machine.
    run : str
        Different in each run, so that no cluster takes its tasks for those of another one,
        which may have seen other contents in the same files.
    """

    version: str = __version__
    folder: str = field(default_factory=_folder)
    host: str = field(default_factory=socket.gethostname)
    run: str = field(default_factory=lambda: os.urandom(16).hex())

    def located(self, path: str) -> str:
        """Return the path by which a file is found from here."""
        if "://" in path or os.path.isabs(path) or _folder() == self.folder:
            return path
        return os.path.join(self.folder, path)

    def as_given(self, text: str, path: str) -> str:
        """Put a path into a text as the user gave it."""
        return text.replace(self.located(path).removesuffix(path), "") if path else text

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Surround a task that may be done elsewhere: same version; errors tell where they arose.

        Raises
        ------
        StaticMaskError
            If another version is installed here, whose masks may differ.
        """
        if self.version != __version__:
            msg = (f"the worker on {socket.gethostname()} has staticmask {__version__}, expected "
                   f"{self.version} as on {self.host}; install the same everywhere")
            raise StaticMaskError(msg)
        try:
            yield
        except StaticMaskError as error:
            if socket.gethostname() == self.host:
                raise
            msg = (f"{error} (seen by the worker on {socket.gethostname()}; does it have the files "
                   "under the same paths?)")
            raise type(error)(msg) from error
