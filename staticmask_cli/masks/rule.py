"""The rule of a mask: which pixels are low, and in how many exposures a pixel must be bad."""

import math
from dataclasses import dataclass, replace
from numbers import Real

from staticmask_cli.errors import ConfigError, described

__all__ = [
    "EXPECTED_AGREE", "FEWEST_POINTINGS", "FEW_POINTINGS", "LEAST_DEPTH", "Agreement", "MaskRule",
    "clean_agree", "expected_false_positives", "votes_needed",
]

Agreement = str | int | float
"""``any``, ``all``, ``joint``, a count (int), or a fraction of the exposures that vote (float)."""

JOINT_VOTES = 2
"""With ``joint``, the number of pointings at which a pixel is bad without further evidence."""

FEWEST_POINTINGS = 4
"""The smallest number of pointings for ``joint``.

Of fewer, structure of the sky would count as often as defects.
"""

FEW_POINTINGS = 8
"""The number of pointings below which some structure of the sky may be marked by ``joint``."""

LEAST_DEPTH = 0.5
"""The default of `MaskRule.least_depth`.

Many exposures show defects that are too shallow to do harm.
"""

EXPECTED_AGREE = "any, all, a count of exposures (2), a fraction of them (0.5), or joint"
_FEWEST_TO_AGREE = 3  # pointings: two of two would be all, so that each missed pixel is lost
_LARGEST_COUNT = 999_999
_EXACT = 9  # decimal places; 0.6 of 5 is 3, although not in binary digits


@dataclass(frozen=True)
class MaskRule:
    """The parameters on which the pixels of a mask depend, and no others.

    Parameters, the tasks of the workers, masks in memory and masks on disk all carry the same
    rule; the defaults of `sky`, `agree` and `final_bits` are the rule of drizzlepac.

    Attributes
    ----------
    static_sig : float
        The distance of the threshold below the sky, in units of the noise; finite and > 0.  The
        formula is in `ChipStatistics.threshold`.
    sky : str
        ``global`` takes the mode and the rms of the whole chip; ``local`` takes the level and
        the noise around each pixel.
    agree : str, int or float
        The number of exposures in which a pixel must be bad: ``any``, ``all``, a count, or a
        fraction of the exposures that vote.  See `counts_pointings`.  ``joint`` adds up the
        evidence of all exposures (`masks.evidence`).
    final_bits : str or None
        The DQ bits that do not make a pixel bad; with None, DQ is not read.
    high : bool
        Whether pixels that are too high are bad, too; only with ``joint``.
    least_depth : float
        The smallest mean distance from the sky, in units of the noise of one exposure, of a pixel
        that is bad by ``joint``; without meaning for any other rule.
    """

    static_sig: float
    sky: str = "global"
    agree: Agreement = "any"
    final_bits: str | None = None
    high: bool = False
    least_depth: float = LEAST_DEPTH

    def checked(self) -> "MaskRule":
        """Return the rule with its values in the types of the attributes, for rules of users.

        Raises
        ------
        ConfigError
            If a value is not valid.
        """
        static_sig, final_bits = self.static_sig, self.final_bits
        if not (isinstance(static_sig, Real) and math.isfinite(static_sig) and static_sig > 0):
            msg = f"static_sig = {described(static_sig)}: expected a number > 0"
            raise ConfigError(msg)
        if self.sky not in ("global", "local"):
            msg = f"sky = {described(self.sky)}: expected global or local"
            raise ConfigError(msg)
        try:
            agree = clean_agree(self.agree)
        except ValueError as error:
            msg = f"agree = {described(self.agree)}: expected {EXPECTED_AGREE}"
            raise ConfigError(msg) from error
        bits = None if final_bits is None else str(final_bits)
        return replace(self, agree=agree, final_bits=bits)

    def has_enough(self, voters: int) -> bool:
        """Whether a number of voters is enough for any pixel to be bad."""
        return max(votes_needed(self.agree, voters), FEWEST_POINTINGS * self.joint) <= voters

    def could_agree(self, pointings: int) -> bool:
        """Whether one vote is enough although there are pointings that could confirm each other."""
        return self.agree == "any" and pointings >= _FEWEST_TO_AGREE

    @property
    def joint(self) -> bool:
        """Whether a pixel is also bad by the evidence of all exposures together."""
        return self.agree == "joint"

    @property
    def counts_pointings(self) -> bool:
        """Whether `agree` counts pointings, of which all exposures have one vote together.

        Counts and fractions under the local rule are of pointings: structure on the sky that this
        rule takes for bad pixels lies on the same pixels in all exposures of a pointing, so that
        they do not confirm each other.  A pixel is then bad at a pointing if it is bad in any of
        its exposures.  ``all`` means every exposure, which implies every pointing.  The global rule
        counts exposures.
        """
        return self.sky == "local" and self.agree not in ("any", "all")

    def __str__(self) -> str:
        return ", ".join(f"{name} = {value}" for name, value in vars(self).items())


def clean_agree(value: object) -> Agreement:
    """Return ``any``, ``all``, ``joint``, a count or a fraction, whatever form it was given in.

    Parameters
    ----------
    value : object
        ``any``, ``all`` or ``joint``; a number without a decimal point, at least 1, is a count; a
        number with one, above 0 and at most 1, is a fraction.

    Raises
    ------
    ValueError
        For anything else.
    """
    text = str(value).strip().lower()
    if text in ("any", "all", "joint"):
        return text
    if text.isascii() and text.isdigit():
        if not 1 <= int(text[:7]) <= _LARGEST_COUNT or len(text) > len(str(_LARGEST_COUNT)):
            raise ValueError(value)
        return int(text)
    fraction = float(text)
    if not 0 < fraction <= 1:
        raise ValueError(value)
    return fraction


def votes_needed(agree: Agreement, voters: int) -> int:
    """Return the number of votes that make a pixel bad, which may exceed the number of voters.

    Examples
    --------
    >>> [votes_needed(agree, 5) for agree in ("any", "all", 2, 0.5, 0.6, 1.0)]
    [1, 5, 2, 3, 3, 5]
    """
    if agree == "any":
        return 1
    if agree == "all":
        return max(voters, 1)
    if agree == "joint":
        return JOINT_VOTES
    if isinstance(agree, int):
        return agree
    return max(1, math.ceil(round(float(agree) * voters, _EXACT)))


def expected_false_positives(
    npix: float, static_sig: float, *, voters: int = 1, needed: int = 1,
    exposures: int | None = None,
) -> float:
    """Return the number of pixels that Gaussian noise alone puts into a mask.

    Parameters
    ----------
    npix : float
        The number of finite pixels of a chip.
    static_sig : float
        The distance of the threshold below the sky, in standard deviations.
    voters, needed : int
        The number of exposures or pointings, and the number of them at which a pixel must be low.
    exposures : int, optional
        The number of exposures of all pointings, of which one is enough to be low at a pointing;
        each is taken to have equally many.  By default each voter is one exposure.

    Examples
    --------
    >>> round(expected_false_positives(2048 * 4096, 4.0))
    266
    >>> round(expected_false_positives(2048 * 4096, 4.0, voters=4))
    1063
    >>> round(expected_false_positives(2048 * 4096, 4.0, voters=4, needed=2), 2)
    0.05
    """
    low = 0.5 * math.erfc(static_sig / math.sqrt(2))
    if low == 0 or not voters:
        return 0.0
    log_high = math.log1p(-low)
    if exposures is not None and exposures != voters:
        log_high *= exposures / voters
        low = -math.expm1(log_high)
    if needed == 1:
        return npix * -math.expm1(voters * log_high)
    return npix * sum(
        math.exp(
            math.lgamma(voters + 1) - math.lgamma(count + 1) - math.lgamma(voters - count + 1)
            + count * math.log(low) + (voters - count) * log_high
        )
        for count in range(needed, voters + 1)
    )
