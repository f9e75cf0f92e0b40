"""What is wrong with the inputs and masks of a run: one error, or warnings where it goes on."""

import logging

from staticmask_cli.errors import ConfigError, ExposureError, InputError, Lines, StaticMaskError
from staticmask_cli.masks.findings import Finding

__all__ = ["Problems"]

log = logging.getLogger(__name__)


class Problems:
    """Collects what is wrong with the inputs of a run, so that all of it is reported at once.

    Parameters
    ----------
    keep_going : bool
        Whether exposures that are missing or cannot be used are left out; otherwise they are
        errors.

    Attributes
    ----------
    keep_going : bool
    left_out : dict of str to str
        The exposures, chips and masks that were left out, each with the reason.
    findings : list of Finding
        Why masks, chips and exposures of the run may be wrong; each was logged as a warning.
    """

    def __init__(self, *, keep_going: bool = False) -> None:
        self.keep_going = keep_going
        self.left_out: dict[str, str] = {}
        self.findings: list[Finding] = []
        self._errors: list[StaticMaskError] = []

    def warn(self, finding: Finding) -> None:
        """Note a finding, and log it as a warning."""
        self.findings.append(finding)
        log.warning("%s", finding)

    def refuse(self, error: StaticMaskError | str) -> None:
        """Note an error, whether the run keeps going or not; a text is an `InputError`."""
        self._errors.append(InputError(error) if isinstance(error, str) else error)

    def leave_out(self, name: str, error: StaticMaskError) -> None:
        """Leave an exposure out, or note an error where the run does not keep going.

        A ConfigError, such as a missing package, is not of the exposure and always noted.

        Parameters
        ----------
        name : str
            The path of the exposure.
        error : StaticMaskError
            What is wrong with it.  Where its text begins with the name, the rest of it is the
            reason.
        """
        if self.keep_going and not isinstance(error, ConfigError):
            self.left_out.setdefault(name, str(error).removeprefix(f"{name}: "))
        else:
            self.refuse(error)

    def check(self, *, anything_left: bool = True) -> None:
        """Raise one error for all that were noted.

        Parameters
        ----------
        anything_left : bool
            Whether inputs remain that can be used; otherwise those that were left out are errors.

        Raises
        ------
        ConfigError, InputError, ExposureError
            With a line for each error: a ConfigError if one of them is, or else of the kind of
            the first.
        """
        if not anything_left:
            self._errors += [InputError(f"{name}: {why}") for name, why in self.left_out.items()]
        if self._errors:
            kind: type[StaticMaskError] = ExposureError
            if isinstance(self._errors[0], InputError):
                kind = InputError
            if any(isinstance(error, ConfigError) for error in self._errors):
                kind = ConfigError
            raise kind(Lines.of({str(error): error for error in self._errors}.values()))
