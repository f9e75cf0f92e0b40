"""The syntax of ``.cfg`` files: ConfigObj, with limits that keep files from blocking it."""

import re
from typing import TYPE_CHECKING

from staticmask_cli.errors import ConfigError

if TYPE_CHECKING:
    from configobj import ConfigObj

__all__ = ["parse_cfg"]

_LARGEST_FILE = 1 << 20  # bytes; a whole astrodrizzle.cfg has a hundredth of that
# The patterns of ConfigObj 5.0.9 backtrack, in a time that grows with the square of the number
# of blanks in a row and of brackets in a section's line: 64 KiB of blanks take 7 s, 16 KiB of
# brackets 13 s, and a file of 1 MiB would take half an hour or more.  Within these two limits
# the slowest file of 1 MiB that was found takes 10 s.
_MANY_BLANKS = re.compile(r"\s{100}")
_LONGEST_SECTION_LINE = 200  # characters


def parse_cfg(path: str) -> tuple["ConfigObj", list[str]]:
    """Parse a file, and return its content with a message for each line that is not valid."""
    from configobj import ConfigObj, ConfigObjError  # noqa: PLC0415 - kept out of the start-up

    lines = [line.strip() for line in _read(path).splitlines()]
    for number, line in enumerate(lines, 1):
        too_long = line.startswith("[") and len(line) > _LONGEST_SECTION_LINE
        if too_long or _MANY_BLANKS.search(line):
            msg = (
                f"{path} line {number}: expected less than 100 blanks in a row, "
                f"and section names of up to {_LONGEST_SECTION_LINE} letters"
            )
            raise ConfigError(msg)
    try:
        return ConfigObj(lines, interpolation=False, list_values=False), []
    except ConfigObjError as error:
        problems = [
            f"{path} line {problem.line_number}: {problem.line.strip()[:80]}: "
            "expected 'name = value' or '[section]', each name once"
            for problem in error.errors
        ]
        # The valid lines are used too, so that all problems are reported at once.
        return error.config, problems


def _read(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path}: expected a ConfigObj .cfg, found a binary file"
        raise ConfigError(msg) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path}: cannot read the parameters: {reason}"
        raise ConfigError(msg) from error
    if text.lstrip().startswith("{"):
        msg = (f"{path}: is a JSON file, such as parameters of HAP (Hubble Advanced Products) or "
               "an association; expected a ConfigObj .cfg")
        raise ConfigError(msg)
    if len(content) > _LARGEST_FILE or "\0" in text:
        msg = f"{path}: expected a ConfigObj .cfg, found a binary file or one of over 1 MiB"
        raise ConfigError(msg)
    return text
