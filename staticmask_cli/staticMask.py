"""Drop-in replacement for ``drizzlepac.staticMask``, with its documented functions.

The names and arguments are those of drizzlepac 3.11, which explains their spelling.  Unlike
there, they work as documented: `createMask` combines exposures, ``static=False`` makes no
mask, `staticMask.getMaskname` returns the name, and inputs are never opened for writing.

AstroDrizzle's own image objects can be passed to `createStaticMask`.  Their DQ flags are not
used, as in drizzlepac, because AstroDrizzle applies them in its drizzle steps.  `install` puts
masks of ours into AstroDrizzle itself.
"""

import inspect
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from staticmask_cli._astrodrizzle import install
from staticmask_cli._imageobjects import (
    PROCSTEPS_NAME,
    buildSignatureKey,
    constructFilename,
    perform_step,
    source_of,
    staticMask,
    with_effect,
)
from staticmask_cli._version import __version__
from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.config.editor import edit_parameters
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.targets import refuse_binary
from staticmask_cli.io.user_path import output_path
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.create import make_masks

__all__ = [
    "PROCSTEPS_NAME",
    "buildSignatureKey",
    "constructFilename",
    "createMask",
    "createStaticMask",
    "getHelpAsString",
    "help",
    "install",
    "run",
    "staticMask",
]

__taskname__ = "staticMask"
STEP_NUM = 1

class _Default(float):
    """A default that differs in type from the same value given by the caller."""


def createMask(
    input: str | Sequence[str] | None = None,
    static_sig: float = _Default(4.0),
    group: str | float | None = None,
    editpars: bool = False,
    configObj: str | Mapping[str, object] | None = None,
    **inputDict: object,
) -> list[StaticMask]:
    """Make the static masks of a set of exposures, in the current folder.

    Parameters
    ----------
    input : str or sequence of str
        The exposures: paths, wildcards, ``@lists`` or association tables; None for those of
        `configObj`.
    static_sig : float
        A pixel is bad when it lies more than this many rms below the mode of its chip.
    group : str, int or None
        The FITS extensions to use, ``1``, ``"1,4"`` or ``"sci,2"``; None for all SCI
        extensions.
    editpars : bool
        Whether the user edits the parameters before the run.
    configObj : None, ``"defaults"``, file name, ConfigObj or dict
        The source of the parameters that are not given by name.
    **inputDict
        Further parameters by name (``static``, ``final_bits``), or in nested sections.

    Returns
    -------
    list of StaticMask
        The masks that were written; empty if ``static`` is False or editing was cancelled.

    Raises
    ------
    ValueError
        If there is neither an `input` nor a `configObj`.
    ConfigError
        If a parameter is not valid or unknown; the nearest name is suggested.
    InputError, ExposureError, OutputError
        As of `staticmask_cli.create_masks`.

    Examples
    --------
    >>> from staticmask_cli import staticMask
    >>> masks = staticMask.createMask('*flt.fits')  # doctest: +SKIP
    """
    if input is None and configObj is None:
        msg = "createMask needs an input, such as createMask('*flt.fits')"
        raise ConfigError(msg)
    given = with_effect(inputDict)
    if input is not None:
        given["input"] = input
    if not isinstance(static_sig, _Default):
        given["static_sig"] = static_sig
    if group is not None:
        given["group"] = group
    parameters = Parameters.load(source_of(configObj), given)
    if editpars:
        edited = edit_parameters(parameters)
        if edited is None:
            return []
        parameters = edited
    return make_masks(parameters)


def run(configObj: str | Mapping[str, object]) -> list[StaticMask]:
    """Run the task with the parameters of a configuration.

    Parameters
    ----------
    configObj : file name, ConfigObj or dict
        The parameters, with the exposures as ``input``.

    Returns
    -------
    list of StaticMask
        The masks that were written.

    Raises
    ------
    ConfigError, InputError, ExposureError, OutputError
        As of `createMask`.
    """
    return make_masks(Parameters.load(source_of(configObj)))


def createStaticMask(
    imageObjectList: Sequence[Any] = (),
    configObj: str | Mapping[str, object] | None = None,
    procSteps: Any = None,
) -> None:
    """Make the static masks of drizzlepac's image objects, as a step of AstroDrizzle.

    Parameters
    ----------
    imageObjectList : list
        The image objects.  The name of its mask is stored in ``outputNames["staticMask"]``
        of each chip.  No file is written for images in memory, whose method
        ``saveVirtualOutputs`` receives the mask instead.
    configObj : file name, ConfigObj or dict
        The parameters, usually those of AstroDrizzle.
    procSteps : object, optional
        The record of processing steps, to which the start of the step is added, and its end
        or the reason why it was skipped.

    Raises
    ------
    ValueError
        If there are no image objects.
    ConfigError, ChipError, OutputError
        If a parameter is not valid, a chip is unusable or a mask cannot be written.
    """
    def make(images: Sequence[Any], _parameters: Parameters) -> None:
        masks = staticMask(configObj)
        for image in images:
            masks.addMember(image)
        masks.saveToFile(images)
        masks.close()

    perform_step(
        imageObjectList, lambda: Parameters.load(source_of(configObj)), make, procSteps
    )


def getHelpAsString(docstring: bool = False, show_ver: bool = True) -> str:
    """Return a description of the task and of its parameters, from the configspec.

    Parameters
    ----------
    docstring : bool
        Whether the function `createMask` is described too.
    show_ver : bool
        Whether the text begins with the version.
    """
    parts = [f"staticMask (staticmask {__version__})\n"] if show_ver else []
    parts.append(
        "Make static bad-pixel masks: a pixel is bad when it lies more than static_sig rms\n"
        "below the mode of its chip in at least one exposure of the detector, or by its DQ\n"
        "flags where final_bits asks for them.  1 is good, 0 is bad.\n\nParameters\n"
    )
    for declared in declarations().values():
        section = f" [{declared.section}]" if declared.section else ""
        comment = textwrap.indent(textwrap.fill(declared.comment, 76), "    ")
        title = f"{declared.name} : {declared.kind} = {declared.default}{section}"
        parts.append(f"{title}\n{comment}\n")
    if docstring:
        parts.append(f"createMask{inspect.signature(createMask)}\n\n{inspect.getdoc(createMask)}\n")
    return "\n".join(parts)


def help(file: str | None = None) -> None:
    """Print the help of the task, or write it to a file, which is replaced if it exists.

    Raises
    ------
    OutputError
        If the file cannot be written, or would replace a file that is not a text.
    """
    text = getHelpAsString(docstring=True)
    if file is None:
        sys.stdout.write(text)
        return
    file = output_path(file)
    refuse_binary(file)
    with write_whole(file) as stream:
        stream.write(text.encode("utf-8"))
