"""The masks of a run as a list, and what is to be known of the run."""

from collections.abc import Iterable, Mapping, Sequence

from staticmask_cli.errors import first_few
from staticmask_cli.masks.findings import Finding
from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["Masks"]


class Masks(list[StaticMask]):
    """The masks that a run made, sorted by file name.

    Attributes
    ----------
    left_out : dict of str to str
        The exposures, chips (``a_flt.fits[SCI,2]``) and masks that a run with `keep_going` left
        out, each with the reason.
    findings : list of Finding
        Why masks, chips and exposures may be wrong, each with what to do, as in the warnings.
    seconds : dict of str to float
        How long the parts of the run took: ``headers``, ``chips`` and ``masks``.
    """

    def __init__(
        self, masks: Iterable[StaticMask] = (), left_out: Mapping[str, str] | None = None,
        findings: Sequence[Finding] = (), seconds: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(masks)
        self.left_out = dict(left_out or {})
        self.findings = list(findings)
        self.seconds = dict(seconds or {})

    def __repr__(self) -> str:
        masks = ",\n       ".join(map(repr, self))
        names = first_few(list(self.left_out))
        return f"Masks([{masks}]{', left out: ' * bool(names)}{names})"

    def _repr_html_(self) -> str:
        from staticmask_cli.masks.summary import as_html  # noqa: PLC0415 - runs need none

        return as_html(self)
