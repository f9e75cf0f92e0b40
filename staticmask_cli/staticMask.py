"""Drop-in for ``drizzlepac.staticMask``: its documented names, on the pipeline of the command.

The names and arguments are those of drizzlepac 3.11, hence their spelling.  What
its documentation promises and its code does not do, works here: `createMask`
combines exposures, ``static=False`` does nothing, `staticMask.getMaskname` gives
the name, and no input is ever opened for writing.

AstroDrizzle's own image objects can drive `createStaticMask`.  Their DQ flags are
left to AstroDrizzle, which applies them in the drizzle steps, as the reference
leaves them.
"""

import inspect
import logging
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from staticmask_cli._imageobjects import buildSignatureKey, constructFilename, source_of, staticMask
from staticmask_cli._version import __version__
from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.config.editor import edit_parameters
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError
from staticmask_cli.io.atomic import refuse_binary, write_whole
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.create import make_masks

__all__ = [
    "buildSignatureKey",
    "constructFilename",
    "createMask",
    "createStaticMask",
    "getHelpAsString",
    "help",
    "run",
    "staticMask",
]

__taskname__ = "staticMask"
STEP_NUM = 1
PROCSTEPS_NAME = "Static Mask"

log = logging.getLogger(__name__)

# Arguments of the reference's task that have no meaning where inputs are never changed.
_WITHOUT_EFFECT = {"updatewcs"}


class _Default(float):
    """A default that can be told from the same value given by hand."""


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
        Exposures: paths, wildcards, ``@lists``, association tables.
    static_sig : float
        A pixel is bad when it lies more than this many rms below the mode of its chip.
    group : str, int or None
        FITS extensions to use, ``1``, ``"1,4"`` or ``"sci,2"``; None for all.
    editpars : bool
        Edit the parameters before the run.
    configObj : None, ``"defaults"``, file name, ConfigObj or dict
        Where the parameters come from that are not given by name.
    **inputDict
        Further parameters by name (``static``, ``final_bits``), or in nested sections.

    Returns
    -------
    list of StaticMask
        The masks that were written; empty if ``static`` is False or editing was cancelled.

    Raises
    ------
    ValueError
        If there is no `input`.
    ConfigError
        If a parameter is wrong or unknown; the nearest name is suggested.
    InputError, ExposureError, OutputError
        See `staticmask_cli.create_masks`.

    Examples
    --------
    >>> from staticmask_cli import staticMask
    >>> masks = staticMask.createMask('*flt.fits')  # doctest: +SKIP
    """
    if input is None:
        msg = "createMask needs an input, such as createMask('*flt.fits')"
        raise ConfigError(msg)
    given = {name: value for name, value in inputDict.items() if name not in _WITHOUT_EFFECT}
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
        With the exposures as ``input``.

    Returns
    -------
    list of StaticMask
        The masks that were written.

    Raises
    ------
    ConfigError, InputError, ExposureError, OutputError
        See `createMask`.
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
        Image objects; each chip is told the name of its mask in
        ``outputNames["staticMask"]``, and images in memory get the mask by
        ``saveVirtualOutputs`` instead of a file.
    configObj : file name, ConfigObj or dict
        Parameters, as a rule AstroDrizzle's.
    procSteps : object, optional
        Is told that the step begins, and that it ends or why it was skipped.

    Raises
    ------
    ValueError
        If there are no image objects.
    ConfigError, ChipError, OutputError
        If a parameter is wrong, a chip is unusable or a mask cannot be written.
    """
    steps = _Steps(procSteps)
    steps.begin()
    try:
        parameters = Parameters.load(source_of(configObj))
        if not parameters.static:
            log.info("%s step not performed: static = False", PROCSTEPS_NAME)
            steps.skip("off")
            return
        if not isinstance(imageObjectList, list | tuple) or not imageObjectList:
            msg = "createStaticMask needs a list of image objects"
            raise ConfigError(msg)
        masks = staticMask(configObj)
        for image in imageObjectList:
            masks.addMember(image)
        masks.saveToFile(imageObjectList)
        masks.close()
    except BaseException:
        steps.skip("aborted")
        raise
    steps.end()


def getHelpAsString(docstring: bool = False, show_ver: bool = True) -> str:
    """Describe the task and its parameters, as the configspec has them.

    Parameters
    ----------
    docstring : bool
        Describe the function `createMask` too.
    show_ver : bool
        Begin with the version.
    """
    parts = [f"staticMask (staticmask {__version__})\n"] if show_ver else []
    parts.append(
        "Make static bad-pixel masks: a pixel is bad when it lies more than static_sig rms\n"
        "below the mode of its chip in at least one exposure of the detector, or by its DQ\n"
        "flags where final_bits asks for them.  1 is good, 0 is bad.\n\nParameters\n"
    )
    for declared in declarations().values():
        place = f" [{declared.section}]" if declared.section else ""
        comment = textwrap.indent(textwrap.fill(declared.comment, 76), "    ")
        parts.append(f"{declared.name} : {declared.kind} = {declared.default}{place}\n{comment}\n")
    if docstring:
        parts.append(f"createMask{inspect.signature(createMask)}\n\n{inspect.getdoc(createMask)}\n")
    return "\n".join(parts)


def help(file: str | None = None) -> None:
    """Print the help of the task, or write it to a file in place of what is there.

    Raises
    ------
    OutputError
        If the file cannot be written, or a file there is not a text.
    """
    text = getHelpAsString(docstring=True)
    if file is None:
        sys.stdout.write(text)
        return
    refuse_binary(file)
    with write_whole(file) as stream:
        stream.write(text.encode("utf-8"))


class _Steps:
    """drizzlepac's record of processing steps, if there is one."""

    def __init__(self, steps: Any) -> None:
        self._steps = steps

    def begin(self) -> None:
        if self._steps is not None:
            self._steps.addStep(PROCSTEPS_NAME)

    def end(self) -> None:
        if self._steps is not None:
            self._steps.endStep(PROCSTEPS_NAME)

    def skip(self, reason: str) -> None:
        """Tell why the step was not done; newer versions have no skipStep but a reason to end."""
        if self._steps is None:
            return
        if hasattr(self._steps, "skipStep"):
            self._steps.skipStep(PROCSTEPS_NAME, reason=reason)
        else:
            self._steps.endStep(PROCSTEPS_NAME, reason=reason)
