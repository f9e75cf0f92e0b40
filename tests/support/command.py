"""Run the command in this process."""

from pathlib import Path

from click.testing import CliRunner, Result

from staticmask_cli.cli import cli

__all__ = ["create", "run"]


def run(*words: str | Path) -> Result:
    """Run ``staticmask`` with these words; return its exit code and its output."""
    return CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)


def create(*words: str | Path) -> tuple[int, str]:
    """Run ``staticmask create -q``; return its exit code, and stdout and stderr together."""
    result = run("create", "-q", *words)
    return result.exit_code, result.output
