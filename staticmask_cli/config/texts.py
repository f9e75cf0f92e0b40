"""The parameters as texts, one for each row of the form, and the problem of each text."""

from collections.abc import Mapping

from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.config.kinds import expected_of
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError

__all__ = ["check_texts", "texts_of"]

# The values of other parameters with which all values of a parameter are valid.
_NEEDED: Mapping[str, Mapping[str, str]] = {
    "agree": {"sky": "local"}, "high": {"sky": "local", "agree": "joint"},
}


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
            if not _is_valid(name, text, **_NEEDED.get(name, {}))
        }
        is_joint = texts.get("agree", "").strip().lower() == "joint"
        by_sky = {"agree": "joint needs sky = local"}
        return problems or (by_sky if is_joint else {"high": "True needs agree = joint"})


def _is_valid(name: str, text: str, **others: str) -> bool:
    """Return whether a text is valid with these other values."""
    try:
        Parameters.load({**others, name: text})
    except ConfigError:
        return False
    return True
