"""``python -m staticmask_cli`` is the command ``staticmask``."""

from staticmask_cli.cli import main

if __name__ == "__main__":
    main()
