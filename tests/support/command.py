"""Run the command in this process."""

from pathlib import Path

from click.testing import CliRunner, Result

from staticmask_cli.cli import cli

__all__ = ["create", "done", "run"]


def run(*words: str | Path, code: int | None = None) -> Result:
    """Run ``staticmask`` with these words; it must end with this exit code, if one is given."""
    result = CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)
    assert code in (None, result.exit_code), result.output
    return result


def done(*words: str | Path) -> Result:
    """Run ``staticmask`` with these words; it must end with exit code 0."""
    return run(*words, code=0)


def create(*words: str | Path) -> tuple[int, str]:
    """Run ``staticmask create -q``; return its exit code, and stdout and stderr together."""
    result = run("create", "-q", *words)
    return result.exit_code, result.output
