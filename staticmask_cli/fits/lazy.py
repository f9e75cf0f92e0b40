"""The module `astropy.io.fits`, imported when one of its names is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["fits"]


class _LazyModule:
    """A module that is imported when one of its names is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    from astropy.io import fits
else:
    fits = _LazyModule("astropy.io.fits")
