"""Static bad-pixel masks from calibrated astronomical exposures.

The public names are loaded when they are first used, so that importing the package costs nothing.

One exposure's way to its mask:

1. `cli.create` reads the command line; `config.parameters` adds the ``.cfg`` and the defaults of
   ``configspec/``, and checks every value.
2. `pipeline.create` runs the steps that follow; it is also what Python calls.
3. `exposures.inputs` expands wildcards, lists and association tables to files.
4. `exposures.exposure` reads the headers of a file, by `fits`: its chips, their signatures, and
   where their DQ flags are.
5. `pipeline.plan` groups the chips of all exposures by signature: one mask for each.
6. `pipeline.batches` makes tasks of the chips, and `parallel` runs them in threads, on an executor
   or on a cluster.
7. `exposures.reading` reads the SCI and DQ pixels of a chip.
8. `masks.detect` finds its bad pixels: below the global threshold (`stats`), below the local sky
   (`localsky`), or by DQ (`masks.bitmask`).
9. `masks.partial` collects the votes of the chips (`masks.votes`), which exposures of one pointing
   (`masks.pointings`) have together, and `pipeline.combine` merges them into the masks.
10. `pipeline.write` writes the mask files (`masks.writing`, by `fits.writer` and `io.atomic`),
    and `terminal.console` prints the closing table.

`apply.apply` takes masks to the DQ arrays of copies of exposures.

A package imports only from those below it; ``tests/repository/test_layering.py`` has the table.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from staticmask_cli._version import __version__

if TYPE_CHECKING:
    from staticmask_cli.apply.apply import apply_masks
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
    "apply_masks",
    "chip_statistics",
    "create_masks",
]

_HOMES = {
    "ChipStatistics": "stats.clipping",
    "Parameters": "config.parameters",
    "Signature": "masks.signature",
    "StaticMask": "masks.static_mask",
    "StaticMaskError": "errors",
    "apply_masks": "apply.apply",
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
