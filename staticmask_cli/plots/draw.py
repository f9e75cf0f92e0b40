"""Pictures of masks: of those of a run, with pixels of their exposures, and of those on disk.

Pictures of masks as PNG, PDF or SVG files, drawn by matplotlib (the extra ``plot``).
"""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from staticmask_cli.errors import ConfigError, InputError, OutputError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.open import astropy_silenced, opened
from staticmask_cli.io.atomic import (
    as_output_error,
    make_folder,
    remove_stale_temporaries,
    write_whole,
)
from staticmask_cli.io.paths import check_writable, folder_of_file, is_file, open_file
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.members import Member, SortKey
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.parallel.tasks import run_tasks
from staticmask_cli.plots.page import Page, draw_page
from staticmask_cli.stats.histogram import SkyHistogram, sky_histogram

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["MOST_HISTOGRAMS", "check_plot", "picture_of", "plot_masks"]

_DPI = 100
_FITS = b"SIMPLE  ="
_FORMATS = ("png", "pdf", "svg")
_STYLE = {
    "font.size": 9.0,
    "text.parse_math": False,  # file names may hold a $
    "svg.hashsalt": "staticmask",  # same picture, same bytes
    "axes.linewidth": 0.7,
}


def check_plot(path: str) -> None:
    """Refuse what could not be drawn, before any work is done.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of those known.
    OutputError
        If matplotlib is missing, or `path` is a folder or a FITS file.
    """
    if _format_of(path) not in _FORMATS:
        msg = f"plot = {path}: expected a name that ends with .png, .pdf or .svg"
        raise ConfigError(msg)
    check_writable(path)
    if os.path.isdir(path):
        msg = f"{path}: is a folder, expected the name of a picture"
        raise OutputError(msg)
    _refuse_fits(path)
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        msg = (f"{path}: pictures need matplotlib, which cannot be imported ({error}); "
               "pip install 'staticmask[plot]'")
        raise OutputError(msg) from error


@contextmanager
def plotted(pages: Sequence[Page], path: str) -> Iterator[list[str]]:
    """Draw pages into files that take their names only if the block ends well.

    Parameters
    ----------
    pages : sequence of Page
        One for each mask.
    path : str
        Ends with ``.png``, ``.pdf`` or ``.svg``.  A PDF has all pages; of the others
        there is a file for each page, with the page's name in its own if they are several.

    Yields
    ------
    list of str
        The files to be.

    Raises
    ------
    OutputError
        If a file cannot be written, or would replace a FITS file; what was there before still is.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    make_folder(folder_of_file(path) or ".")
    files = _files_of(pages, path)
    for name in files:
        _refuse_fits(name)
    remove_stale_temporaries(files)
    with ExitStack() as stack:
        with mpl.rc_context():
            mpl.rcdefaults()  # not the user's style: it must be readable in grey
            mpl.rcParams.update(_STYLE)
            for name, its_pages in files.items():
                stream = stack.enter_context(write_whole(name))
                with as_output_error(name):
                    _write(stream, _format_of(path), its_pages)
        yield list(files)


def _refuse_fits(path: str) -> None:
    """Refuse to put a picture in the place of an exposure, whatever its name."""
    if not is_file(path):  # reading from a pipe would block
        return
    start = b""
    with suppress(OSError), open_file(path) as stream:
        start = stream.read(len(_FITS))
    if start == _FITS:
        msg = f"{path}: is a FITS file and stays as it is; choose another name"
        raise OutputError(msg)


def _format_of(path: str) -> str:
    return os.path.splitext(path)[1].removeprefix(".").lower()


def _files_of(pages: Sequence[Page], path: str) -> dict[str, Sequence[Page]]:
    """Which pages go to which file."""
    if _format_of(path) == "pdf" or len(pages) == 1:
        return {path: pages}
    stem, suffix = os.path.splitext(path)
    files: dict[str, Sequence[Page]] = {}
    for number, page in enumerate(pages, 1):
        name = f"{stem}_{page.name}{suffix}"
        files[f"{stem}_{page.name}_{number}{suffix}" if name in files else name] = [page]
    return files


def _write(stream: IO[bytes], form: str, pages: Sequence[Page]) -> None:
    if form != "pdf":
        _drawn(pages[0]).savefig(stream, format=form)
        return
    from matplotlib.backends.backend_pdf import PdfPages  # noqa: PLC0415 - an extra

    with PdfPages(stream) as pdf:
        for page in pages:
            pdf.savefig(_drawn(page))


def _drawn(page: Page) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(dpi=_DPI)
    draw_page(figure, page)
    return figure


MOST_HISTOGRAMS = 24
"""Exposures of a mask whose histograms are drawn; more would be a blot."""


@dataclass(frozen=True)
class _Task:
    chip: Chip
    member: Member


def plot_masks(masks: Sequence[str], path: str) -> list[str]:
    """Draw masks on disk, of ours or of drizzlepac.

    A page shows the mask, its bad pixels by row and column, and the mode, rms and
    threshold of its members, if it has a table of them.

    Parameters
    ----------
    masks : sequence of str
        Paths; a page each.
    path : str
        Ends with ``.png``, ``.pdf`` or ``.svg``.  A PDF has all pages; of the others
        there is a file for each page, with the mask's name in its own if they are several.

    Returns
    -------
    list of str
        The files that were written.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of those known.
    InputError
        If a mask cannot be read.
    OutputError
        If matplotlib is missing, or a file cannot be written; none is changed then.
    """
    check_plot(path)
    with plotted([_page_of_file(redacted(mask)) for mask in masks], path) as paths:
        return paths


def _page_of_file(path: str) -> Page:
    name = os.path.basename(path).removesuffix(".fits").removesuffix("_staticMask")
    with astropy_silenced(), opened(path) as hdus:
        if str(hdus[0].header.get("CREATOR", "")).startswith("staticmask"):
            mask = StaticMask.read(path)
            return Page(mask, name, _unit_of(mask))
        good = hdus[0].data
        if good is None or good.ndim != 2:  # noqa: PLR2004
            msg = f"{path}: expected a static mask, an image in the primary HDU"
            raise InputError(msg)
        # The file names neither its detector nor its rule.
        foreign = PartialMask(Signature(name, good.shape, 0), MaskRule(math.nan))
        foreign.below = np.asarray(good) == 0
        return Page(foreign, name)


def picture_of(
    masks: Sequence[tuple[StaticMask, Sequence[Chip]]],
    path: str,
    *,
    jobs: int,
    executor: Executor | None = None,
) -> AbstractContextManager[list[str]]:
    """Draw the masks of a run; the files take their names if the block ends well.

    The chips are read again, but no more than `MOST_HISTOGRAMS` of a mask, evenly
    spread over its exposures: so a run that draws nothing pays nothing, and
    one of thousands of exposures little.

    Parameters
    ----------
    masks : sequence of (StaticMask, sequence of Chip)
        Each mask, and those of its chips that can be read.
    path : str
        Of the picture, as in `plot_masks`.
    jobs : int
        Chips at the same time.
    executor : concurrent.futures.Executor, optional
        Reads the chips.
    """
    tasks = [task for mask, chips in masks for task in _chosen(mask, chips)]
    found = dict(run_tasks(_histogram, tasks, jobs=jobs, executor=executor))
    pages = [
        Page(mask, mask.signature.filename.removesuffix("_staticMask.fits"), _unit_of(mask), [
            (os.path.basename(member.label.file), found[member.label.sort_key])
            for member in mask.members
            if member.label.sort_key in found
        ])
        for mask, _ in masks
    ]
    return plotted(pages, path)


def _unit_of(mask: StaticMask) -> str:
    return str(mask.facts.get("BUNIT", ""))


def _chosen(mask: StaticMask, chips: Sequence[Chip]) -> Iterator[_Task]:
    """Chips to be read again: the first, the last, and some in between.

    None by the local rule, which has no threshold that a histogram could show.
    """
    by_place = {chip.label.sort_key: chip for chip in chips}
    used = [m for m in mask.used if m.is_global and m.label.sort_key in by_place]
    count = min(len(used), MOST_HISTOGRAMS)
    for number in range(count):
        member = used[number * (len(used) - 1) // max(1, count - 1)]
        yield _Task(by_place[member.label.sort_key], member)


def _histogram(task: _Task) -> tuple[SortKey, SkyHistogram]:
    data, _ = read_pixels(task.chip, reuse_memory=True)
    member = task.member
    return member.label.sort_key, sky_histogram(data, member.mode, member.rms, member.threshold)
