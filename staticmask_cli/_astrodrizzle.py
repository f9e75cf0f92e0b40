"""Our masks as step 1 of AstroDrizzle: made in its run, or ready ones.

AstroDrizzle reads no mask file.  Its step 1 makes masks and stores their paths in its image
objects, from which all later steps read them; with ``clean=True`` it deletes those files at its
end.  `install` puts a function of ours in the place of that step, which stores the paths of
private files, so that the masks of a user are safe.
"""

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from inspect import signature
from types import TracebackType
from typing import Any, Self

from astropy.io import fits

from staticmask_cli._imageobjects import numbers_of, perform_step, source_of
from staticmask_cli._version import __version__
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError, ExposureError, first_few
from staticmask_cli.exposures.exposure import Chip, read_exposure
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.io.disk import as_output_error
from staticmask_cli.masks.signature import Signature, grid_differences
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.create import make_masks

__all__ = ["Installation", "install"]

log = logging.getLogger(__name__)

_TRIED_WITH = "3.11.0"
_ARGUMENTS = ("imageObjectList", "configObj", "procSteps")  # of the function that is replaced
_OF_ASTRODRIZZLE = {"input", "group", "static"}  # parameters
_METHODS = ("getExtensions", "saveVirtualOutputs")  # of image objects, as are the attributes
_ATTRIBUTES = ("_filename", "group", "inmemory", "scienceExt")

# The function of drizzlepac, if it is replaced, and those of the installations, the last in use.
_steps: list[Callable[..., None]] = []

Masks = Mapping[Signature, StaticMask]
AnyPath = str | os.PathLike[str]


def install(
    *,
    masks: AnyPath | StaticMask | Iterable[AnyPath | StaticMask] | None = None,
    static_sig: float | None = None,
    sky: str | None = None,
    agree: str | float | None = None,
    final_bits: str | int | None = None,
    **others: object,
) -> "Installation":
    """Put our step 1 into AstroDrizzle, for all its runs in this process until it is removed.

    Without `masks`, step 1 makes the masks of the exposures that AstroDrizzle was given, of all
    of them together.  With `masks`, it makes none, and each chip is given the mask of its
    signature.

    Parameters
    ----------
    masks : str, path, StaticMask, or several of them, optional
        Masks that staticmask made: objects, or their files as paths, wildcards, comma lists or
        ``@lists``.  The files are read once, here, and not changed or deleted, whatever
        AstroDrizzle does.  1 is good and 0 is bad in them.
    static_sig : float, optional
        The distance of the threshold below the sky, in units of the noise.  By default, it is
        the ``static_sig`` of AstroDrizzle.
    sky : str, optional
        ``global`` (the default, as in AstroDrizzle) or ``local``.
    agree : str, int or float, optional
        The number of exposures in which a pixel must be bad, as of `create_masks`; ``any`` by
        default.
    final_bits : str or int, optional
        The DQ bits that do *not* make a pixel bad in the masks.  By default DQ is not read for
        the masks: AstroDrizzle applies the flags itself, by its ``final_bits``.
    **others
        Further parameters of `create_masks` by name that decide which pixels are bad.

    Returns
    -------
    Installation
        Its method ``uninstall`` restores AstroDrizzle, as does leaving a ``with`` block.

    Raises
    ------
    ConfigError
        If a parameter is not valid, `masks` are combined with parameters, drizzlepac cannot be
        imported, or this version of it does not have the parts that are replaced or used.
        drizzlepac 3.11.0 does.
    InputError
        If a mask is missing or is not one that staticmask made.

    Notes
    -----
    AstroDrizzle itself raises the errors of a run: those of `create_masks`, and an ExposureError
    if none of the `masks` fits a chip.  With ``static=False`` its step 1 remains off.

    Examples
    --------
    >>> from drizzlepac.astrodrizzle import AstroDrizzle  # doctest: +SKIP
    >>> with staticMask.install(sky="local", agree=2):  # doctest: +SKIP
    ...     AstroDrizzle("*flt.fits", output="deep", clean=True)
    """
    rule = {"static_sig": static_sig, "sky": sky, "agree": agree, "final_bits": final_bits}
    given = {name: value for name, value in (rule | others).items() if value is not None}
    if foreign := given.keys() & _OF_ASTRODRIZZLE:
        msg = f"install: {', '.join(sorted(foreign))}: give it to AstroDrizzle, which has it too"
        raise ConfigError(msg)
    if masks is not None and given:
        msg = (f"install: {', '.join(given)} and masks contradict each other: masks are used as "
               "they are, by the rule in their headers; leave out one of both")
        raise ConfigError(msg)
    Parameters.load(None, given)  # so that errors are raised here, and not in AstroDrizzle
    return Installation(_step_of_astrodrizzle(), given, None if masks is None else _ready(masks))


class Installation:
    """Our step 1 in AstroDrizzle, from `install` until `uninstall`; also a context manager.

    Of several installations the last one is in use.

    Attributes
    ----------
    masks : list of StaticMask
        The masks of the last run of AstroDrizzle, which are on no disk: those that were made in
        it can be written with ``mask.write(mask.signature.filename)``.
    """

    def __init__(self, step: Any, given: Mapping[str, Any], ready: Masks | None) -> None:
        self.masks: list[StaticMask] = []
        self._step, self._given, self._ready = step, given, ready
        self._remove_folder: Callable[[], object] = lambda: None
        if not _steps:
            _steps.append(step.createStaticMask)
        _steps.append(self.createStaticMask)
        step.createStaticMask = _steps[-1]

    def uninstall(self) -> None:
        """Restore AstroDrizzle, or the installation before this one; a second call does nothing."""
        self._remove_folder()
        if self.createStaticMask in _steps:
            _steps.remove(self.createStaticMask)
            self._step.createStaticMask = _steps[-1]
        if len(_steps) == 1:
            _steps.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.uninstall()

    def createStaticMask(
        self, imageObjectList: Sequence[Any] = (), configObj: Any = None, procSteps: Any = None
    ) -> None:
        """Perform step 1, with the arguments of the function of drizzlepac that it replaces."""

        def load() -> Parameters:
            parameters = Parameters.load(source_of(configObj), {"final_bits": None, **self._given})
            if self._ready is not None and not parameters.static:
                log.warning("static = False: the masks given to staticMask.install are not used")
            return parameters

        perform_step(imageObjectList, load, self._make, procSteps)

    def _make(self, images: Sequence[Any], parameters: Parameters) -> None:
        """Hand over the masks of image objects, in a folder of their own."""
        missing = [name for name in _ATTRIBUTES if not hasattr(images[0], name)]
        if missing:
            raise ConfigError(_without_parts([f"imageObject.{name}" for name in missing]))
        self._remove_folder()
        with as_output_error(tempfile.gettempdir()):
            folder = tempfile.mkdtemp(prefix="staticmask-")
        self._remove_folder = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        masks = self._ready
        if masks is None:
            files = tuple(image._filename for image in images)
            made = make_masks(parameters.with_input(files), write=False)
            masks = {mask.signature: mask for mask in made}
        self.masks = _hand_over(masks, images, folder)
        for mask in self.masks:
            log.info("%s of staticmask %s (%s): %d bad pixels", mask.signature.filename,
                     __version__, mask.rule, mask.nbad)


def _step_of_astrodrizzle() -> Any:
    """Return drizzlepac's module of step 1, if it has the parts that are replaced or used."""
    try:
        astrodrizzle = import_module("drizzlepac.astrodrizzle")
        image_object = import_module("drizzlepac.imageObject")
    except ImportError as error:
        msg = (f"staticMask.install needs drizzlepac, which cannot be imported ({error}); it was "
               f"tried with drizzlepac {_TRIED_WITH}")
        raise ConfigError(msg) from error
    step = getattr(astrodrizzle, "staticMask", None)
    function = getattr(step, "createStaticMask", None)
    missing = [f"imageObject.{name}" for name in _METHODS
               if not hasattr(getattr(image_object, "imageObject", None), name)]
    if not callable(function) or tuple(signature(function).parameters) != _ARGUMENTS:
        missing.append(f"astrodrizzle.staticMask.createStaticMask({', '.join(_ARGUMENTS)})")
    if missing:
        raise ConfigError(_without_parts(missing))
    return step


def _without_parts(missing: Sequence[str]) -> str:
    version = getattr(import_module("drizzlepac"), "__version__", "(of unknown version)")
    return (f"drizzlepac {version} has no {' and no '.join(missing)}, which staticMask.install "
            f"replaces or uses; it was tried with drizzlepac {_TRIED_WITH}")


def _ready(masks: AnyPath | StaticMask | Iterable[AnyPath | StaticMask]) -> Masks:
    """Read masks, and return them by signature."""
    items = [masks] if isinstance(masks, str | os.PathLike | StaticMask) else list(masks)
    paths = [os.fspath(item) for item in items if not isinstance(item, StaticMask)]
    found = [item for item in items if isinstance(item, StaticMask)]
    if paths or not found:
        found += [StaticMask.read(path) for path in expand_inputs(paths)]
    ready: dict[Signature, StaticMask] = {}
    for mask in found:
        other = ready.setdefault(mask.signature, mask)
        if other is not mask:
            msg = (f"install: masks {other.path} and {mask.path} are of the same signature, "
                   f"{_name_of(mask.signature)}; give one of them")
            raise ConfigError(msg)
    return ready


def _hand_over(masks: Masks, images: Sequence[Any], folder: str) -> list[StaticMask]:
    """Store the paths of masks in image objects, where later steps look, and return the masks."""
    chips = [(image, chip) for image in images for chip in _chips_of(image)]
    for _, chip in chips:
        _check_mask(chip, masks)
    used = {chip.signature: masks[chip.signature] for _, chip in chips}
    files = {key: os.path.join(folder, key.filename) for key in used}
    hdus = {key: fits.PrimaryHDU(mask.array) for key, mask in used.items()}
    for image, chip in chips:
        path = files[chip.signature]
        if image.inmemory:
            image.saveVirtualOutputs({path: hdus[chip.signature]})
        elif not os.path.exists(path):
            with as_output_error(path):
                hdus[chip.signature].writeto(path)
        image[f"{image.scienceExt},{chip.label.extver}"].outputNames["staticMask"] = path
    return list(used.values())


def _chips_of(image: Any) -> list[Chip]:
    """Return the chips of an image object that AstroDrizzle uses, from the headers of its file."""
    numbers = set(numbers_of(image))
    exposure = read_exposure(image._filename, dq=False)
    return [chip for chip in exposure.chips if chip.label.extver in numbers]


def _check_mask(chip: Chip, masks: Masks) -> None:
    """Refuse a chip without a mask, or with that of other pixels of its detector."""
    mask = masks.get(chip.signature)
    if mask is None:
        given = first_few([mask.path or _name_of(key) for key, mask in masks.items()])
        msg = (f"{chip.label}: expected a mask of its signature, {_name_of(chip.signature)}, among "
               f"those given to staticMask.install, found {given}; make a mask of such exposures")
        raise ExposureError(msg)
    if differences := grid_differences(chip.grid, mask.grid):
        msg = (f"{chip.label}: its mask {mask.path or _name_of(mask.signature)} is of other pixels "
               f"of the detector ({differences}); make a mask of such exposures")
        raise ExposureError(msg)


def _name_of(key: Signature) -> str:
    return key.filename.removesuffix("_staticMask.fits")
