"""Draw masks with matplotlib (the extra ``plot``) and write them as PNG, PDF or SVG files.

The masks of a run are drawn with histograms of their exposures' pixels, masks on disk with
the statistics in their MEMBERS table.
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
from staticmask_cli.io.open_files import allow_open_files
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

MOST_HISTOGRAMS = 24
"""The number of exposures of a mask whose histograms are drawn; more would not be readable."""

_DPI = 100
_FITS_START = b"SIMPLE  ="
_FORMATS = ("png", "pdf", "svg")
_STYLE = {
    "font.size": 9.0,
    "text.parse_math": False,  # file names may contain a $
    "svg.hashsalt": "staticmask",  # the same picture has the same bytes
    "axes.linewidth": 0.7,
}


def check_plot(path: str) -> None:
    """Check that a picture can be written to a path, before any work is done.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of ``.png``, ``.pdf`` and ``.svg``, or matplotlib is
        missing.
    OutputError
        If `path` is a folder or a FITS file.
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
        raise ConfigError(msg) from error


def picture_of(
    masks: Sequence[tuple[StaticMask, Sequence[Chip]]],
    path: str,
    *,
    jobs: int,
    executor: Executor | None = None,
) -> AbstractContextManager[list[str]]:
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
    tasks = [task for mask, chips in masks for task in _histogram_tasks(mask, chips)]
    histograms = dict(run_tasks(_histogram, tasks, jobs=jobs, executor=executor))
    pages = [
        Page(mask, mask.name.removesuffix("_staticMask.fits"), _unit_of(mask), [
            (os.path.basename(member.label.file), histograms[member.label.sort_key])
            for member in mask.members
            if member.label.sort_key in histograms
        ])
        for mask, _ in masks
    ]
    return _plotted(pages, path)


def plot_masks(masks: Sequence[str], path: str) -> list[str]:
    """Draw masks on disk that staticmask or drizzlepac wrote.

    A page shows the mask, its bad pixels by row and column, and the mode, rms and threshold
    of its members, if it has a MEMBERS table.

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
    with _plotted([_page_of_file(redacted(mask)) for mask in masks], path) as paths:
        return paths


def _unit_of(mask: StaticMask) -> str:
    return str(mask.facts.get("BUNIT", ""))


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
        # The file contains neither its detector nor its rule.
        mask_of_drizzlepac = PartialMask(Signature(name, good.shape, 0), MaskRule(math.nan))
        mask_of_drizzlepac.below = np.asarray(good) == 0
        return Page(mask_of_drizzlepac, name)


@dataclass(frozen=True)
class _HistogramTask:
    """A task of a worker: read the pixels of a chip and make the histogram of a member."""

    chip: Chip
    member: Member


def _histogram_tasks(mask: StaticMask, chips: Sequence[Chip]) -> Iterator[_HistogramTask]:
    """Choose the chips that are read again: the first, the last, and some between them.

    There are none under the local rule, which has no threshold that a histogram could show.
    """
    chip_by_key = {chip.label.sort_key: chip for chip in chips}
    used = [m for m in mask.used if m.is_global and m.label.sort_key in chip_by_key]
    count = min(len(used), MOST_HISTOGRAMS)
    for number in range(count):
        member = used[number * (len(used) - 1) // max(1, count - 1)]
        yield _HistogramTask(chip_by_key[member.label.sort_key], member)


def _histogram(task: _HistogramTask) -> tuple[SortKey, SkyHistogram]:
    data, _ = read_pixels(task.chip, reuse_memory=True)
    member = task.member
    return member.label.sort_key, sky_histogram(data, member.mode, member.rms, member.threshold)


@contextmanager
def _plotted(pages: Sequence[Page], path: str) -> Iterator[list[str]]:
    """Draw pages to temporary files, which are renamed if the with block ends without an error.

    Parameters
    ----------
    pages : sequence of Page
        A page for each mask.
    path : str
        The path of the picture, as in `plot_masks`.

    Yields
    ------
    list of str
        The paths of the files after the with block.

    Raises
    ------
    OutputError
        If a file cannot be written, or would replace a FITS file; no file is changed then.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    make_folder(folder_of_file(path) or ".")
    files = _files_of(pages, path)
    for name in files:
        _refuse_fits(name)
    remove_stale_temporaries(files)
    allow_open_files(len(files))
    with ExitStack() as stack:
        with mpl.rc_context():
            mpl.rcdefaults()  # the user's own style may not be readable in grey
            mpl.rcParams.update(_STYLE)
            for name, pages_of_file in files.items():
                stream = stack.enter_context(write_whole(name))
                with as_output_error(name):
                    _write(stream, _format_of(path), pages_of_file)
        yield list(files)


def _files_of(pages: Sequence[Page], path: str) -> dict[str, Sequence[Page]]:
    """Return the pages of each file, by path."""
    if _format_of(path) == "pdf" or len(pages) == 1:
        return {path: pages}
    stem, suffix = os.path.splitext(path)
    files: dict[str, Sequence[Page]] = {}
    for number, page in enumerate(pages, 1):
        name = f"{stem}_{page.name}{suffix}"
        files[f"{stem}_{page.name}_{number}{suffix}" if name in files else name] = [page]
    return files


def _write(stream: IO[bytes], file_format: str, pages: Sequence[Page]) -> None:
    if file_format != "pdf":
        _figure_of(pages[0]).savefig(stream, format=file_format)
        return
    from matplotlib.backends.backend_pdf import PdfPages  # noqa: PLC0415 - an extra

    with PdfPages(stream) as pdf:
        for page in pages:
            pdf.savefig(_figure_of(page))


def _figure_of(page: Page) -> "Figure":
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    figure = Figure(dpi=_DPI)
    draw_page(figure, page)
    return figure


def _refuse_fits(path: str) -> None:
    """Refuse to replace a FITS file by a picture, whatever the name of the file."""
    if not is_file(path):  # reading from a pipe would block
        return
    start = b""
    with suppress(OSError), open_file(path) as stream:
        start = stream.read(len(_FITS_START))
    if start == _FITS_START:
        msg = f"{path}: is a FITS file and stays as it is; choose another name"
        raise OutputError(msg)


def _format_of(path: str) -> str:
    return os.path.splitext(path)[1].removeprefix(".").lower()
