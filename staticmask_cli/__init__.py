"""Static bad-pixel masks from calibrated astronomical exposures.

The names below are loaded when they are first used, so that importing the
package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from staticmask_cli._version import __version__

if TYPE_CHECKING:
    from staticmask_cli.config.parameters import Parameters
    from staticmask_cli.errors import StaticMaskError
    from staticmask_cli.masks.signature import Signature
    from staticmask_cli.masks.static_mask import StaticMask
    from staticmask_cli.pipeline.create import create_masks
    from staticmask_cli.stats.clipping import ChipStatistics, chip_statistics

__all__ = [
    "ChipStatistics",
    "Parameters",
    "Signature",
    "StaticMask",
    "StaticMaskError",
    "__version__",
    "chip_statistics",
    "create_masks",
]

_HOMES = {
    "ChipStatistics": "stats.clipping",
    "Parameters": "config.parameters",
    "Signature": "masks.signature",
    "StaticMask": "masks.static_mask",
    "StaticMaskError": "errors",
    "chip_statistics": "stats.clipping",
    "create_masks": "pipeline.create",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
