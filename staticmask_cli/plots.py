"""Pictures of masks as PNG, PDF or SVG files, drawn by matplotlib (the extra ``plot``)."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import IO, TYPE_CHECKING

from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.io.atomic import clear_leftovers, make_folder, refusing_as, write_whole
from staticmask_cli.io.paths import check_writable, folder_of_file, is_file, open_file
from staticmask_cli.plotpage import Page, draw_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_plot", "plotted"]

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
    clear_leftovers(files)
    with ExitStack() as stack:
        with mpl.rc_context():
            mpl.rcdefaults()  # not the user's style: it must be readable in grey
            mpl.rcParams.update(_STYLE)
            for name, its_pages in files.items():
                stream = stack.enter_context(write_whole(name))
                with refusing_as(name):
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
