"""The parameters of a run, from the configspec's defaults, a ``.cfg`` file and given values.

Later values override earlier ones, and each is checked against the type that the configspec
declares.  Parameters can be written as a ``.cfg`` again, and as a text for each field of a form.
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from staticmask_cli.config.cfgfile import (
    declarations,
    entries_of,
    nearest,
    read_spec,
    sections_of,
)
from staticmask_cli.config.entries import flat_entries, with_resetbits
from staticmask_cli.config.kinds import KINDS, Group
from staticmask_cli.config.written import written
from staticmask_cli.errors import ConfigError, Lines
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.targets import refuse_others
from staticmask_cli.io.user_path import output_path
from staticmask_cli.masks.rule import Agreement, MaskRule

__all__ = ["Parameters"]


@dataclass(frozen=True)
class Parameters:
    """All the parameters on which masks depend; their values have been checked.

    The defaults are defined in ``configspec/`` alone, so that an instance is made by `load`.

    Attributes
    ----------
    input : tuple of str
        The words that name the exposures, not expanded.
    name : str
        The template of the masks' names, without ``_staticMask.fits``.
    group : tuple
        The FITS extensions to use, ``1`` or ``("SCI", 2)``; empty for all SCI extensions.
    static : bool
        Whether masks are made at all.
    static_sig : float
        The distance of the threshold below the sky, in units of the noise; finite and > 0.
    sky : str
        ``global`` takes the mode and the rms of the whole chip; ``local`` takes the level and
        the noise around each pixel.
    agree : str, int or float
        The number of exposures in which a pixel must be bad: ``any``, ``all``, a count, or a
        fraction of the exposures that vote.  See `MaskRule.counts_pointings`.  ``joint`` adds up
        the evidence of all exposures.
    final_bits : str or None
        The DQ bits that do not make a pixel bad; with None, DQ is not read.
    high : bool
        Whether pixels that are too high are bad, too; only with ``joint``.
    least_depth : float
        The smallest mean distance from the sky, in units of the noise of one exposure, of a pixel
        that is bad by ``joint``.
    include : tuple of str
        The files with lists of pixels that are known to be bad, as words like those of `input`.
    include_bad : int or None
        1 if all values but 0 are bad in included images that do not say so, 0 if 0 is bad.
    instrument, sci_ext, dq_ext : str or None
        The name of the camera for files without INSTRUME, and the EXTNAMEs of chips and DQ flags,
        as `FileForm` describes them.
    """

    input: tuple[str, ...]
    group: Group
    name: str
    static: bool
    static_sig: float
    sky: str
    agree: Agreement
    final_bits: str | None
    high: bool
    least_depth: float
    include: tuple[str, ...]
    include_bad: int | None
    instrument: str | None
    sci_ext: str | None
    dq_ext: str | None

    @classmethod
    def load(
        cls,
        source: str | Mapping[str, object] | None = None,
        given: Mapping[str, object] | None = None,
    ) -> "Parameters":
        """Read the parameters: defaults, overridden by a ``.cfg``, overridden by given values.

        Parameters
        ----------
        source : str or mapping, optional
            The path of a ``.cfg`` file of this package or of drizzlepac's staticMask, or of
            a whole ``astrodrizzle.cfg``; or its content as a ConfigObj or nested dictionary.
        given : mapping, optional
            The values by name, as text or as Python objects; sections may be nested.

        Raises
        ------
        ConfigError
            If any name or value is not valid.  The message lists all of them, each with
            what was expected.
        """
        declared = declarations()
        entries, problems = entries_of({} if source is None else source, declared)
        overriding = flat_entries(given or {})
        entries = with_resetbits(entries, overriding) + overriding
        values = {d.name: KINDS[d.kind].check(d.default) for d in declared.values()}
        for entry in entries:
            if entry.name not in declared:
                problems.append(f"{entry}: no such parameter{nearest(entry.name, declared)}")
                continue
            kind = KINDS[declared[entry.name].kind]
            try:
                values[entry.name] = kind.check(entry.value)
            except ValueError:
                problems.append(f"{entry}: expected {kind.expected}")
        problems = problems or list(_contradictions(values))
        if problems:
            raise ConfigError(Lines.of(problems))
        return cls(**values)

    @property
    def rule(self) -> MaskRule:
        """The part of the parameters that decides which pixels are bad."""
        return MaskRule(self.static_sig, self.sky, self.agree, self.final_bits, self.high,
                        self.least_depth)

    def with_input(self, words: tuple[str, ...]) -> "Parameters":
        """Return the same parameters for other exposures."""
        return replace(self, input=words)

    def texts(self) -> dict[str, str]:
        """Return the values by name, each as it is written in a ``.cfg``.

        Raises
        ------
        ConfigError
            If a file name cannot be written in a ``.cfg``.
        """
        return {name: written(value) for name, value in vars(self).items()}

    def text(self) -> str:
        """Return a commented ``.cfg``, from which `load` reads the same parameters.

        Raises
        ------
        ConfigError
            If a file name cannot be written in a ``.cfg``.
        """
        cfg = read_spec()
        texts = self.texts()
        for name, section in sections_of(cfg).items():
            section[name] = texts[name]
        end_of_title = cfg.initial_comment.index("")
        cfg.initial_comment[:end_of_title] = ["# Parameters for: staticmask -c FILE"]
        stream = io.BytesIO()
        cfg.write(stream)
        return stream.getvalue().decode("utf-8")

    def save(self, path: str, *, overwrite: bool = False) -> None:
        """Write `text` to a file, completely or not at all.

        Parameters
        ----------
        path : str
            The path of the file.
        overwrite : bool
            Whether to replace any text, and not only parameters that this method or the editor of
            drizzlepac saved.

        Raises
        ------
        OutputError
            If the file cannot be written, or would replace another file.
        """
        path = output_path(path)
        # How a .cfg begins that this method wrote, or the editor of drizzlepac (TEAL).
        saved = re.compile(rb"\A# Parameters for: staticmask|^_task_name_ *= *.?staticMask\b",
                           re.MULTILINE)
        refuse_others(path, "a .cfg that staticmask or drizzlepac's editor saved", saved.search,
                      overwrite=overwrite)
        content = self.text().encode("utf-8")
        with write_whole(path) as stream:
            stream.write(content)


def _contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """Describe values that are valid, but not together."""
    if values["agree"] == "joint" and values["sky"] != "local":
        yield ("agree = joint adds up how far each pixel lies below its local sky, so it needs "
               f"sky = local (--sky local), and sky is {values['sky']}")
    if values["high"] and values["agree"] != "joint":
        yield ("high = True finds high pixels by the evidence of all exposures, so it needs "
               f"agree = joint (--agree joint), and agree is {values['agree']}")
