"""Times that a user sets by environment variables."""

import math
import os

from staticmask_cli.errors import ConfigError

__all__ = ["seconds_of"]


def seconds_of(variable: str, default: float) -> float:
    """Return the value of an environment variable in seconds, or a default if it is not set.

    Raises
    ------
    ConfigError
        If the value is not a number above 0.
    """
    text = os.environ.get(variable, "")
    try:
        seconds = float(text) if text else default
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        msg = f"the environment variable {variable} is {text}, expected a number of seconds > 0"
        raise ConfigError(msg)
    return seconds
