"""The command ``staticmask``, which is ``python -m staticmask_cli``, too."""

from typing import NoReturn

from staticmask_cli.cli import main
from staticmask_cli.terminal.streams import leave

__all__ = ["run"]


def run() -> NoReturn:
    """Run the command as a process of its own, and end that."""
    try:
        main()
    except SystemExit as end:
        leave(int(end.code or 0))


if __name__ == "__main__":
    run()
