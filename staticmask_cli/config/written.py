"""The values of parameters as they are written in a ``.cfg``."""

import re

from staticmask_cli.errors import ConfigError

__all__ = ["written"]


def written(value: object) -> str:
    """Return a checked value as it is written in a ``.cfg``."""
    if value is None or value == ():
        return "None"
    if isinstance(value, tuple):
        parts = (",".join(map(str, p)).lower() if isinstance(p, tuple) else str(p) for p in value)
        return _quoted(",".join(parts))
    return str(value)


def _quoted(text: str) -> str:
    """Put a text in quotes if it would be misread in a ``.cfg`` without them."""
    if text.isprintable() and not re.search(r"""[#"'\s]""", text):
        return text
    for quote in "\"'":
        if quote not in text and text.isprintable():
            return f"{quote}{text}{quote}"
    msg = f"{text!r} cannot be written in a .cfg; rename these files, or name them in an @list"
    raise ConfigError(msg)
