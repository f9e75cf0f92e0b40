"""Write pages of pictures with matplotlib (the extra ``plot``) as PNG, PDF or SVG files."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from staticmask_cli._version import __version__
from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.io.atomic import write_together
from staticmask_cli.io.disk import as_output_error, make_folder
from staticmask_cli.io.open_files import allow_open_files
from staticmask_cli.io.paths import check_writable, folder_of_file
from staticmask_cli.io.targets import start_of
from staticmask_cli.plots.page import Page, draw_page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_matplotlib", "check_plot", "drawn", "names_of_files"]

_DPI = 200
_FITS_START = b"SIMPLE  ="
_PICTURE_STARTS = (b"\x89PNG", b"%PDF", b"<?xml", b"<svg")
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
        If `path` is a folder, or a file that is no picture.
    """
    if _format_of(path) not in _FORMATS:
        msg = f"plot = {path}: expected a name that ends with .png, .pdf or .svg"
        raise ConfigError(msg)
    check_writable(path)
    if os.path.isdir(path):
        msg = f"{path}: is a folder, expected the name of a picture"
        raise OutputError(msg)
    _refuse_others(path)
    check_matplotlib(path)


def check_matplotlib(path: str) -> None:
    """Raise a ConfigError that names the path of a picture if matplotlib is missing."""
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        msg = (f"{path}: pictures need matplotlib, which cannot be imported ({error}); "
               "pip install 'staticmask[plot]'")
        raise ConfigError(msg) from error


def names_of_files(pages: Sequence[str], path: str) -> dict[str, list[int]]:
    """Return the indices of the pages of each file, by path.

    Parameters
    ----------
    pages : sequence of str
        The name of each page.
    path : str
        The path of the picture.  A PDF holds all pages.  In the other formats each page has a
        file, whose name contains that of the page if there are several.
    """
    if _format_of(path) == "pdf" or len(pages) == 1:
        return {path: list(range(len(pages)))}
    stem, suffix = os.path.splitext(path)
    files: dict[str, list[int]] = {}
    for index, name in enumerate(pages):
        file, number = f"{stem}_{name}{suffix}", index
        while file in files:
            number += 1
            file = f"{stem}_{name}_{number}{suffix}"
        files[file] = [index]
    return files


@contextmanager
def drawn(files: Mapping[str, Iterable[Page]]) -> Iterator[None]:
    """Draw pages to temporary files, which are renamed if the with block ends without an error.

    Parameters
    ----------
    files : mapping of str to iterable of Page
        The pages of each file, by path; only a PDF can have several.

    Raises
    ------
    OutputError
        If a file cannot be written, or would replace one that is no picture; no file is
        changed then.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra

    for folder in {folder_of_file(path) or "." for path in files}:
        make_folder(folder)
    for name in files:
        _refuse_others(name)
    allow_open_files(len(files))
    with write_together(files) as new:
        with mpl.rc_context():
            mpl.rcdefaults()  # the user's own style may not be readable in grey
            mpl.rcParams.update(_STYLE)
            for file, pages in zip(new, files.values(), strict=True):
                with as_output_error(file.path):
                    _write(file.stream, _format_of(file.path), pages)
                    file.flush()
        yield


def _write(stream: IO[bytes], file_format: str, pages: Iterable[Page]) -> None:
    if file_format != "pdf":
        (page,) = pages
        metadata = {"Software": f"staticmask {__version__}"} if file_format == "png" else None
        _figure_of(page).savefig(stream, format=file_format, metadata=metadata)
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


def _refuse_others(path: str) -> None:
    """Refuse to replace a file that is no picture, whatever its name; empty files may go."""
    start = start_of(path)
    if start.startswith(_FITS_START):
        msg = f"{path}: is a FITS file and stays as it is; choose another name"
        raise OutputError(msg)
    if start and not start.startswith(_PICTURE_STARTS):
        msg = f"{path}: exists and is not a picture; choose another name, or move it away"
        raise OutputError(msg)


def _format_of(path: str) -> str:
    return os.path.splitext(path)[1].removeprefix(".").lower()
