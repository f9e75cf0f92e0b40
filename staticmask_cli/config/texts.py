"""The parameters as texts, one for each row of the form, and the problem of each text."""

from collections.abc import Mapping

from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.config.parameters import Parameters, expected_of
from staticmask_cli.errors import ConfigError

__all__ = ["check_texts", "texts_of"]


def texts_of(parameters: Parameters) -> dict[str, str]:
    """Return the values by name, each as it is written in a ``.cfg``, but empty for None.

    Raises
    ------
    ConfigError
        If a file name cannot be written in a ``.cfg``.
    """
    return {name: "" if text == "None" else text for name, text in parameters.texts().items()}


def check_texts(texts: Mapping[str, str]) -> Parameters | dict[str, str]:
    """Read texts as the values of a ``.cfg``, where an empty text asks for the default.

    Parameters
    ----------
    texts : mapping of str to str
        The texts by name of the parameter.

    Returns
    -------
    Parameters or dict of str to str
        The parameters; or, for each text that is not valid, by name, what was expected.
    """
    try:
        return Parameters.load(texts)
    except ConfigError:
        declared = declarations()
        problems = {
            name: f"expected {expected_of(declared[name].kind)}"
            for name, text in texts.items()
            if not _is_valid(name, text)
        }
        return problems or {"agree": "joint needs sky = local"}


def _is_valid(name: str, text: str) -> bool:
    try:
        Parameters.load({"sky": "local", name: text})  # with which every value is valid
    except ConfigError:
        return False
    return True
