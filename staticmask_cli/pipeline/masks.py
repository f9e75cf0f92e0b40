"""The masks of a run as a list, and the names of the files that users give to a run."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from staticmask_cli.errors import ConfigError, described, first_few
from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["Masks", "names_of"]


class Masks(list[StaticMask]):
    """The masks that a run made, sorted by file name.

    Attributes
    ----------
    left_out : dict of str to str
        The exposures, chips (``a_flt.fits[SCI,2]``) and masks that a run with `keep_going` left
        out, each with the reason.
    """

    def __init__(self, masks: Iterable[StaticMask] = (),
                 left_out: Mapping[str, str] | None = None) -> None:
        super().__init__(masks)
        self.left_out = dict(left_out or {})

    def __repr__(self) -> str:
        masks = ",\n       ".join(map(repr, self))
        names = first_few(list(self.left_out))
        return f"Masks([{masks}]{', left out: ' * bool(names)}{names})"

    def _repr_html_(self) -> str:
        from staticmask_cli.masks.summary import as_html  # noqa: PLC0415 - runs need none

        return as_html(self)


def names_of(given: object, parameter: str, otherwise: str = "") -> list[str | os.PathLike[str]]:
    """Return one or several names of files as a list.

    Parameters
    ----------
    given : str, path, or several of them
        What a user gave, whatever it is.
    parameter : str
        The name of the parameter, for the message.
    otherwise : str
        What to do instead, for the message.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    names: list[Any] = [given]
    if isinstance(given, Iterable) and not isinstance(given, str | os.PathLike):
        names = list(given)
    wrong = [name for name in names if not isinstance(name, str | os.PathLike)]
    if wrong:
        found = described(given if hasattr(given, "shape") else wrong[0])
        msg = f"{parameter}: expected names of files, found {found}{otherwise}"
        raise ConfigError(msg)
    return names
