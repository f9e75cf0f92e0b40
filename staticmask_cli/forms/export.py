"""Export masks in the forms of other tools: all files are written, or none."""

from collections.abc import Callable, Mapping, Sequence
from typing import IO

from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.fits.writer import write_hdus
from staticmask_cli.forms.images import IMAGES, image_of
from staticmask_cli.forms.known_mask import KnownMask, read_known_mask
from staticmask_cli.forms.listed import Bits
from staticmask_cli.forms.origin import is_exported
from staticmask_cli.forms.regions import regions_text
from staticmask_cli.forms.tables import defects_text, pixels_text
from staticmask_cli.io.atomic import write_together
from staticmask_cli.io.disk import as_output_error, make_folder
from staticmask_cli.io.paths import canonical_path, check_writable, exists, join_path
from staticmask_cli.io.urls import normalized
from staticmask_cli.io.user_path import matching_files, output_path
from staticmask_cli.masks.grow import grown
from staticmask_cli.masks.reading import each_read
from staticmask_cli.masks.writing import time_of_making

__all__ = ["FORMS", "export_masks"]

_TEXTS: Mapping[str, tuple[str, Callable[[KnownMask, Bits], str]]] = {
    "regions": (".reg", regions_text),
    "defects": (".ecsv", defects_text),
    "pixels": (".ecsv", pixels_text),
}
FORMS = (*IMAGES, *_TEXTS)
"""The names of all forms."""


def export_masks(
    paths: Sequence[str], forms: Sequence[str], *, output_dir: str = ".", grow: int = 0,
    overwrite: bool = False,
) -> list[str]:
    """Write masks in the forms of other tools, each to a file of its own.

    The name of a file is that of the mask, with ``_staticMask`` replaced by the form:
    ``ACSWFC_2048x4096_1_dq.fits``.

    Parameters
    ----------
    paths : sequence of str
        The masks, of staticmask or of drizzlepac, as paths or wildcards; they are opened read-only.
    forms : sequence of str
        Names of forms: ``dq``, ``flag``, ``weight``, ``regions``, ``defects`` and ``pixels``.
    output_dir : str
        The folder of the files; made when missing.
    grow : int
        The distance in pixels from a bad pixel at which others are bad too.
    overwrite : bool
        Whether to replace files that export did not write.

    Returns
    -------
    list of str
        The paths of the files, mask by mask.

    Raises
    ------
    InputError
        If files are not masks, or their instrument has no known DQ bits; all are named.
    OutputError
        If a file cannot be written, or another file has its name.
    ConfigError
        If two masks have the same name.
    """
    paths, output_dir = matching_files(paths), output_path(output_dir)
    check_writable(output_dir)
    with astropy_silenced():
        masks = _masks(paths)
        planned = _planned(masks, list(dict.fromkeys(forms)), output_dir)
        _refuse_replacing(planned, paths, overwrite=overwrite)
        contents = {
            path: _content(form, mask, grown(mask.bad, grow) if grow else mask.bad)
            for path, (mask, form) in planned.items()
        }
    make_folder(output_dir)
    with write_together(contents) as files:
        for file, write in zip(files, contents.values(), strict=True):
            with as_output_error(file.path):
                write(file.stream)
    return list(contents)


def _masks(paths: Sequence[str]) -> list[KnownMask]:
    return [mask for _, mask in each_read(paths, read_known_mask)]


def _planned(
    masks: Sequence[KnownMask], forms: Sequence[str], folder: str
) -> dict[str, tuple[KnownMask, str]]:
    """Return the mask and the form of each file, by its path."""
    planned: dict[str, tuple[KnownMask, str]] = {}
    for mask in masks:
        for form in forms:
            ending = _TEXTS[form][0] if form in _TEXTS else ".fits"
            path = normalized(join_path(folder, f"{mask.stem}_{form}{ending}"))
            if path in planned:
                msg = (f"{planned[path][0].path} and {mask.path}: both would be exported to "
                       f"{path}; export them to folders of their own (-o)")
                raise ConfigError(msg)
            planned[path] = (mask, form)
    return planned


def _refuse_replacing(
    planned: Mapping[str, object], masks: Sequence[str], *, overwrite: bool
) -> None:
    """Refuse to replace a mask that is exported, and any file that export did not write."""
    inputs = set(map(canonical_path, masks))
    taken = [path for path in planned if canonical_path(path) in inputs]
    if taken:
        msg = f"{', '.join(taken)}: would take the place of a mask; choose another folder (-o)"
        raise OutputError(msg)
    foreign = [path for path in planned if exists(path) and not is_exported(path)]
    if foreign and not overwrite:
        msg = (f"{', '.join(foreign)}: exists and was not written by export; move it away, or use "
               "--overwrite")
        raise OutputError(msg)


def _content(form: str, mask: KnownMask, bad: Bits) -> Callable[[IO[bytes]], None]:
    """Return a function that writes a list of bad pixels to a file."""
    if form in _TEXTS:
        text = _TEXTS[form][1](mask, bad).encode("ascii", "backslashreplace")
        return lambda stream: _write(stream, text)
    hdu = image_of(form, mask, bad)
    return lambda stream: write_hdus(stream, [hdu], time_of_making())


def _write(stream: IO[bytes], content: bytes) -> None:
    stream.write(content)
