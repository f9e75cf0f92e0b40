"""Whether a FITS file is what was written."""

from typing import Any

__all__ = ["checksums_of"]

_FAILED, _ABSENT = 0, 2  # astropy's verdicts about a checksum


def checksums_of(hdus: Any) -> str:  # noqa: ANN401 - an HDUList
    """Judge CHECKSUM and DATASUM of all HDUs: ``right``, ``wrong`` or ``none``.

    To be asked before anything touches their data.
    """
    verdicts = [
        verdict for hdu in hdus for verdict in (_verified(hdu.verify_datasum),
                                                _verified(hdu.verify_checksum))
    ]
    if _FAILED in verdicts:
        return "wrong"
    return "none" if set(verdicts) == {_ABSENT} else "right"


def _verified(verify: Any) -> int:  # noqa: ANN401 - a method of an HDU
    try:
        return int(verify())
    except ValueError:  # the header's DATASUM is no number
        return _FAILED
