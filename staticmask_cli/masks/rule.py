"""The rule that says which pixels of a mask are bad."""

from dataclasses import dataclass

from staticmask_cli.masks.votes import Agreement

__all__ = ["MaskRule"]


@dataclass(frozen=True)
class MaskRule:
    """The parameters on which the pixels of a mask depend, and no others.

    Parameters, the tasks of the workers, masks in memory and masks on disk all carry the same
    rule; the defaults of the last three are the rule of the reference.

    Attributes
    ----------
    static_sig : float
        The distance of the threshold below the sky, in units of the noise; finite and > 0.
    sky : str
        ``global`` takes the mode and the rms of the whole chip; ``local`` takes the level and
        the noise around each pixel.
    agree : str, int or float
        The number of exposures in which a pixel must be bad: ``any``, ``all``, a count, or a
        fraction of the exposures that vote.
    final_bits : str or None
        The DQ bits that do not make a pixel bad; with None, DQ is not read.
    """

    static_sig: float
    sky: str = "global"
    agree: Agreement = "any"
    final_bits: str | None = None

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in vars(self).items())
