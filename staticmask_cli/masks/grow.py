"""Bad pixels grown by their neighbours, for detectors whose pixels share their charge."""

import numpy as np
import numpy.typing as npt

__all__ = ["grown"]

Bits = npt.NDArray[np.bool_]


def grown(bad: Bits, distance: int) -> Bits:
    """Return the pixels that are no farther than a distance from a bad pixel.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad; not modified.
    distance : int
        The distance in pixels, along the rows and along the columns, so that a single bad pixel
        becomes a square of ``2 * distance + 1`` pixels.  With 0 nothing is added.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        A new array, True = bad or near a bad pixel.
    """
    near = bad.copy()
    for axis in (0, 1):
        rows = near.swapaxes(0, axis)
        source = rows.copy()
        for step in range(1, min(distance, rows.shape[0] - 1) + 1):
            rows[step:] |= source[:-step]
            rows[:-step] |= source[step:]
    return near
