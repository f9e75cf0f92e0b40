"""Parameters as texts that a person types: what these stand for, and what is wrong with each."""

from collections.abc import Mapping

from staticmask_cli.config import Parameters, expected_of
from staticmask_cli.errors import ConfigError
from staticmask_cli.parameterspec import declarations

__all__ = ["check_texts", "texts_of"]


def texts_of(parameters: Parameters) -> dict[str, str]:
    """Return each value as a ``.cfg`` has it, by name; empty for None.

    Raises
    ------
    ConfigError
        If a file name cannot be written in a ``.cfg``.
    """
    return {
        name: "" if text == "None" else text for name, text in parameters.texts().items()
    }


def check_texts(texts: Mapping[str, str]) -> Parameters | dict[str, str]:
    """Read texts as the values of a ``.cfg``, where an empty one asks for the default.

    Parameters
    ----------
    texts : mapping of str to str
        By name of the parameter.

    Returns
    -------
    Parameters or dict of str to str
        The parameters; or, by the name of each text that is wrong, what was expected.
    """
    try:
        return Parameters.load(texts)
    except ConfigError:
        declared = declarations()
        return {
            name: f"expected {expected_of(declared[name].kind)}"
            for name, text in texts.items()
            if not _is_right(name, text)
        }


def _is_right(name: str, text: str) -> bool:
    try:
        Parameters.load({name: text})
    except ConfigError:
        return False
    return True
