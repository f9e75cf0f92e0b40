"""Draw the masks of a run, and masks on disk.

The masks of a run are drawn with the pixels of their exposures, masks on disk with the numbers in
their MEMBERS table: no file is opened because a mask names it.
"""

import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager

import numpy as np

from staticmask_cli.errors import InputError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.open import astropy_silenced, opened
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import time_of_making
from staticmask_cli.plots.cutouts import read_cutouts
from staticmask_cli.plots.files import check_matplotlib, check_plot, drawn, names_of_files
from staticmask_cli.plots.histograms import MOST_HISTOGRAMS, read_histograms
from staticmask_cli.plots.page import Page

__all__ = [
    "MOST_HISTOGRAMS", "check_matplotlib", "check_plot", "draw_each", "picture_of", "plot_masks",
]

log = logging.getLogger(__name__)


@contextmanager
def picture_of(
    masks: Sequence[tuple[StaticMask, Sequence[Chip]]],
    path: str,
    *,
    jobs: int,
    executor: Executor | None = None,
) -> Iterator[None]:
    """Draw the masks of a run to files, which are renamed if the with block ends without an error.

    The chips are read again, but not more than `MOST_HISTOGRAMS` of each mask, evenly spread
    over its exposures.  A run without a picture therefore costs nothing more, and one of
    thousands of exposures little.

    Parameters
    ----------
    masks : sequence of (StaticMask, sequence of Chip)
        Each mask, and those of its chips that can be read.
    path : str
        The path of the picture, as in `plot_masks`.
    jobs : int
        The number of chips that are read at the same time.
    executor : concurrent.futures.Executor, optional
        The executor on which the chips are read.
    """
    histograms = read_histograms(masks, jobs=jobs, executor=executor)
    cutouts = read_cutouts(masks, jobs=jobs, executor=executor)
    pages = [
        Page(mask, mask.name.removesuffix("_staticMask.fits"), _unit_of(mask), time_of_making(),
             histograms[index], cutouts.get(index))
        for index, (mask, _) in enumerate(masks)
    ]
    files = names_of_files([page.name for page in pages], path)
    with drawn({name: [pages[index] for index in of_file] for name, of_file in files.items()}):
        yield
    _log_drawn(files)


def plot_masks(masks: Sequence[str], path: str) -> list[str]:
    """Draw masks on disk that staticmask or drizzlepac wrote.

    A page shows the mask, its bad pixels by row and column, and numbers of its members, if it
    has a MEMBERS table.

    Parameters
    ----------
    masks : sequence of str
        The paths of the masks; each has a page.
    path : str
        The path of the picture, which ends with ``.png``, ``.pdf`` or ``.svg``.  A PDF holds
        all pages.  In the other formats each page has a file, whose name contains that of the
        mask if there are several.

    Returns
    -------
    list of str
        The paths of the files that were written.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of these three.
    InputError
        If a mask cannot be read.
    OutputError
        If matplotlib is missing, or a file cannot be written; no file is changed then.
    """
    check_plot(path)
    paths = [redacted(mask) for mask in masks]
    files = names_of_files([_name_of_page(mask) for mask in paths], path)
    with drawn({name: _pages_of_files([paths[index] for index in of_file])
                for name, of_file in files.items()}):
        pass
    _log_drawn(files)
    return list(files)


def draw_each(pictures: Mapping[str, str]) -> AbstractContextManager[None]:
    """Draw masks on disk, which are renamed if the with block ends without an error.

    Parameters
    ----------
    pictures : mapping of str to str
        The path of each picture, and that of its mask.
    """
    return drawn({name: _pages_of_files([redacted(mask)]) for name, mask in pictures.items()})


def _log_drawn(files: Mapping[str, object]) -> None:
    for name in files:
        log.info("%s: drawn", name)


def _unit_of(mask: StaticMask) -> str:
    return str(mask.facts.get("BUNIT", ""))


def _name_of_page(path: str) -> str:
    return os.path.basename(path).removesuffix(".fits").removesuffix("_staticMask")


def _pages_of_files(paths: Sequence[str]) -> Iterator[Page]:
    """Read masks when they are drawn, so that only one of them is in memory."""
    return map(_page_of_file, paths)


def _page_of_file(path: str) -> Page:
    name = _name_of_page(path)
    with astropy_silenced(), opened(path) as hdus:
        header, good = hdus[0].header, hdus[0].data
        if str(header.get("CREATOR", "")).startswith("staticmask"):
            mask = StaticMask.read(path)
            return Page(mask, name, _unit_of(mask), str(header.get("DATE", "")))
        if good is None or good.ndim != 2:  # noqa: PLR2004
            msg = f"{path}: expected a static mask, an image in the primary HDU"
            raise InputError(msg)
        # The file contains neither its detector nor its rule.
        mask_of_drizzlepac = PartialMask(Signature(name, good.shape, 0), MaskRule(math.nan))
        mask_of_drizzlepac.below = np.asarray(good) == 0
        return Page(mask_of_drizzlepac, name)
