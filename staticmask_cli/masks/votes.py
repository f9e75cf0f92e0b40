"""In how many exposures a pixel must be bad, and how many are so by chance."""

import math

__all__ = ["EXPECTED_AGREE", "Agreement", "clean_agree", "expected_false_positives", "votes_needed"]

Agreement = str | int | float
"""``any``, ``all``, a count (int) or a fraction of the exposures that vote (float)."""

EXPECTED_AGREE = "any, all, a count of exposures (2) or a fraction of them (0.5)"
_LARGEST_COUNT = 999_999
_EXACT = 9  # decimal places; 0.6 of 5 is 3, although not in binary digits


def clean_agree(value: object) -> Agreement:
    """Bring ``any``, ``"2"``, ``"0.5"``, 2 and 0.5 to their one form.

    Parameters
    ----------
    value : object
        A count without a point, at least 1; or a fraction with one, above 0 and at most 1.

    Raises
    ------
    ValueError
        For anything else.
    """
    text = str(value).strip().lower()
    if text in ("any", "all"):
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
    """In how many of the exposures that vote a pixel must be bad; more than there are if it cannot.

    Examples
    --------
    >>> [votes_needed(agree, 5) for agree in ("any", "all", 2, 0.5, 0.6, 1.0)]
    [1, 5, 2, 3, 3, 5]
    """
    if agree == "any":
        return 1
    if agree == "all":
        return max(voters, 1)
    if isinstance(agree, int):
        return agree
    return max(1, math.ceil(round(float(agree) * voters, _EXACT)))


def expected_false_positives(
    npix: int, static_sig: float, *, voters: int = 1, needed: int = 1
) -> float:
    """Pixels that pure Gaussian noise puts below a threshold in enough of the exposures.

    Parameters
    ----------
    npix : int
        Pixels of a chip.
    static_sig : float
        Distance of the threshold, in standard deviations.
    voters, needed : int
        Exposures, and in how many of them a pixel must be low.

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
    if low == 0:
        return 0.0
    if needed == 1:
        return npix * -math.expm1(voters * math.log1p(-low))
    return npix * sum(
        math.exp(
            math.lgamma(voters + 1) - math.lgamma(count + 1) - math.lgamma(voters - count + 1)
            + count * math.log(low) + (voters - count) * math.log1p(-low)
        )
        for count in range(needed, voters + 1)
    )
