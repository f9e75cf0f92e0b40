"""The demonstration: simulate exposures, make their masks, count the planted pixels found."""

import os
import shlex
from dataclasses import dataclass

import numpy as np

from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.io.paths import is_remote
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.create import Progress, create_masks
from staticmask_cli.simulate.visit import CAMERAS, Visit, simulate_visit

__all__ = ["Demonstration", "demonstrate"]

_SHAPE = (400, 500)
_STATIC_SIG = 4.0


@dataclass(frozen=True)
class Demonstration:
    """Simulated exposures and the masks that were made from them.

    Attributes
    ----------
    visit : Visit
        The exposures, and the pixels that were planted: made too low in all of them.
    masks : list of StaticMask
        The masks of the exposures.
    """

    visit: Visit
    masks: list[StaticMask]

    @property
    def counts(self) -> tuple[int, int, int]:
        """The number of planted pixels, of those in a mask, and of other pixels in a mask."""
        planted = found = other = 0
        for mask in self.masks:
            truth = self.visit.planted[mask.signature.number]
            planted += int(np.count_nonzero(truth))
            found += int(np.count_nonzero(truth & ~mask.good))
            other += int(np.count_nonzero(~truth & ~mask.good))
        return planted, found, other

    def __str__(self) -> str:
        planted, found, other = self.counts
        noise = sum(mask.chance for mask in self.masks)
        folder, name = os.path.split(self.visit.paths[0])
        suffix = name.rpartition("_")[2]
        pattern = shlex.quote(os.path.join(folder, f"*{suffix}"))
        output_dir = f" -o {shlex.quote(folder)}" if folder else ""
        return (
            f"Found {found} of {planted} low pixels that were planted, "
            f"and {other} others (Gaussian noise alone gives about {noise:.0f}).\n"
            f"The same again: staticmask {pattern} --static-sig {_STATIC_SIG:g}{output_dir}"
        )


def demonstrate(
    folder: str,
    exposures: int = 4,
    camera: str = "ACS/WFC",
    *,
    progress: Progress | None = None,
) -> Demonstration:
    """Simulate exposures in a folder and make their masks there.

    Parameters
    ----------
    folder : str
        The local folder for exposures and masks; it is made if it is missing.
    exposures : int
        The number of exposures.
    camera : str
        A key of `CAMERAS`.
    progress : callable, optional
        A function to call with the number of chips that are done and of all chips.

    Raises
    ------
    ConfigError
        If there is no such camera.
    OutputError
        If the folder holds FITS files already, or cannot be written to.
    """
    if camera not in CAMERAS:
        msg = f"camera = {camera}: expected one of {', '.join(CAMERAS)}"
        raise ConfigError(msg)
    if is_remote(folder):
        msg = f"{folder}: is remote; name a local folder for the demonstration"
        raise OutputError(msg)
    if os.path.isdir(folder) and any(name.endswith(".fits") for name in os.listdir(folder)):
        msg = f"{folder}: holds FITS files already; name an empty folder for the demonstration"
        raise OutputError(msg)
    visit = simulate_visit(folder, camera, exposures=exposures, shape=_SHAPE)
    masks = create_masks(visit.paths, static_sig=_STATIC_SIG, output_dir=folder, progress=progress)
    return Demonstration(visit, masks)
