"""Help by topic, and words completed by the shell."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from staticmask_cli.cli import cli
from tests.support.command import done
from tests.support.process import process_environment, run_python

TOPICS = ["Parameters", "Inputs", "Outputs", "Speed", "Messages"]


def sections(command: str) -> dict[str, list[str]]:
    """Lines of the help of a command below each heading."""
    lines = done(command, "--help").stdout.splitlines()
    found: dict[str, list[str]] = {}
    for line in lines:
        if line.endswith(":") and not line.startswith(" "):
            found[line[:-1]] = []
        elif found and line.strip():
            found[list(found)[-1]].append(line)
    return found


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_option_stands_under_the_heading_of_a_topic(command: str) -> None:
    found = sections(command)
    assert list(found) == [topic for topic in TOPICS if topic in found]
    shown = [line.split("  ")[1] for lines in found.values() for line in lines
             if line.startswith("  -")]
    options = [option for option in cli.commands[command].get_params(
                   click.Context(cli, **cli.context_settings))
               if isinstance(option, click.Option)]
    assert len(shown) == len(options)


def test_the_help_of_the_group_names_all_commands_in_full() -> None:
    text = done("--help").stdout
    lines = text.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in lines] == [
        "create", "plan", "inspect", "apply", "export", "config", "demo"
    ]
    assert not any(line.endswith("...") for line in lines)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("\n    staticmask ") == 2


def completed(line: str, cursor: int, folder: Path) -> list[str]:
    """Return what the completion in bash offers, each with its kind."""
    process = run_python(
        "-m", "staticmask_cli", cwd=folder, _STATICMASK_COMPLETE="bash_complete",
        COMP_WORDS=line, COMP_CWORD=str(cursor),
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.split()


@pytest.mark.parametrize(
    ("line", "cursor", "offered"),
    [
        ("staticmask ", 1, ["file,", "plain,create", "plain,plan", "plain,inspect", "plain,apply",
                            "plain,export",
                            "plain,config", "plain,demo"]),
        ("staticmask in", 1, ["file,in", "plain,inspect"]),
        ("staticmask a_flt.fits --ov", 2, ["plain,--overwrite"]),
        ("staticmask --static-s", 1, ["plain,--static-sig"]),
        ("staticmask plan --ma", 2, ["plain,--make"]),
        ("staticmask plan -o ", 3, ["dir,"]),
        ("staticmask inspect ", 2, ["file,"]),
        ("staticmask config --check ", 3, ["file,"]),
    ],
)
def test_words_are_completed(line: str, cursor: int, offered: list[str], tmp_path: Path) -> None:
    assert completed(line, cursor, tmp_path) == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_lines_that_the_help_gives_are_understood_by_the_shell(
    shell: str, tmp_path: Path
) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"needs {shell}")
    text = done("--help").stdout
    (line,) = (part for part in text.splitlines() if part.strip().startswith(f"{shell},"))
    command = line.partition(":  ")[2].strip()
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "staticmask"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m staticmask_cli "$@"\n')
    script.chmod(0o755)
    check = {
        "bash": "complete -p staticmask", "fish": "complete -c staticmask",
        "zsh": "print -- $_comps[staticmask]",
    }[shell]
    before = "autoload -Uz compinit; compinit -u -D; " if shell == "zsh" else ""
    path = os.pathsep.join((str(folder), os.environ["PATH"]))
    process = subprocess.run(
        [found, "-c", f"{before}{command}; {check}"], capture_output=True, text=True, check=False,
        cwd=tmp_path, env=process_environment(PATH=path, HOME=str(tmp_path)), timeout=60,
    )
    assert process.returncode == 0, process.stderr
    assert "_staticmask_completion" in process.stdout
