"""Inputs that cannot be used: one error for all of them, or left out where a run keeps going."""

from staticmask_cli.errors import ExposureError, InputError, StaticMaskError

__all__ = ["Problems"]


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
    """

    def __init__(self, *, keep_going: bool = False) -> None:
        self.keep_going = keep_going
        self.left_out: dict[str, str] = {}
        self._errors: list[StaticMaskError] = []

    def refuse(self, error: StaticMaskError | str) -> None:
        """Note an error, whether the run keeps going or not; a text is an `InputError`."""
        self._errors.append(InputError(error) if isinstance(error, str) else error)

    def leave_out(self, name: str, error: StaticMaskError) -> None:
        """Leave an exposure out, or note an error where the run does not keep going.

        Parameters
        ----------
        name : str
            The path of the exposure.
        error : StaticMaskError
            What is wrong with it.  Where its text begins with the name, the rest of it is the
            reason.
        """
        if self.keep_going:
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
        InputError, ExposureError
            Of the kind of the first error, with a line for each.
        """
        if not anything_left:
            self._errors += [InputError(f"{name}: {why}") for name, why in self.left_out.items()]
        if self._errors:
            kind = InputError if isinstance(self._errors[0], InputError) else ExposureError
            raise kind("\n".join(dict.fromkeys(map(str, self._errors))))
