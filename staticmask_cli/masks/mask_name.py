"""The name of a mask: a template such as ``{signature}_{filter}``, filled in for each chip."""

import re
from collections.abc import Mapping

from staticmask_cli.errors import ExposureError

__all__ = ["BY_SIGNATURE", "EXPECTED_NAME", "FIELDS", "SUFFIX", "clean_name", "filled"]

SUFFIX = "_staticMask.fits"
"""How the name of each mask ends."""

BY_SIGNATURE = "{signature}"
"""The template by which all chips of a signature share a mask."""

FIELDS = ("signature", "filter", "position", "visit", "exptime")
"""The fields that a template can have."""

EXPECTED_NAME = (
    "letters, digits and _ . + - without a folder, and the fields "
    f"{', '.join(f'{{{field}}}' for field in FIELDS)}, such as {{signature}}_{{filter}}"
)
_FIELD = rf"\{{({'|'.join(FIELDS)})\}}"
_TEMPLATE = re.compile(rf"(\w|{_FIELD})([\w.+-]|{_FIELD})*", re.ASCII)
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9.+-]")
_LONGEST_TEMPLATE = 100
_LONGEST_VALUE = 64  # of a header, as for the detector in a signature
_LONGEST_NAME = 200  # most file systems allow 255 bytes, and temporary files add some


def clean_name(value: object) -> str:
    """Check a template, and return it without the suffix.

    Raises
    ------
    ValueError
        If it is no template.
    """
    text = str(value).strip().removesuffix(".fits").removesuffix("_staticMask")
    is_blank = text.lower() in ("none", "indef")  # as an empty value of other parameters
    if is_blank or len(text) > _LONGEST_TEMPLATE or not _TEMPLATE.fullmatch(text):
        raise ValueError(value)
    return text


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return the file name of the mask of a chip.

    Parameters
    ----------
    template : str
        What `clean_name` returned.
    values : mapping of str to str
        The value of each of `FIELDS`.  They come from headers, which are untrusted: only letters,
        digits, ``.``, ``+`` and ``-`` of them reach the name, none of the last three at the
        start of a value; if nothing is left, it is ``none``.

    Raises
    ------
    ExposureError
        If a value or the name is longer than a name may be.
    """
    texts = {"signature": values["signature"]}  # which is clean already, and has underscores
    for field in FIELDS[1:]:
        texts[field] = _NOT_ALLOWED.sub("", values[field]).lstrip(".+-") or "none"
        if f"{{{field}}}" in template and len(texts[field]) > _LONGEST_VALUE:
            msg = (f"its {field} {values[field]!r:.80} cannot be a part of the name of a mask: "
                   f"expected at most {_LONGEST_VALUE} letters, digits, '.', '+' or '-'; leave "
                   f"{{{field}}} out of --name")
            raise ExposureError(msg)
    name = re.sub(_FIELD, lambda match: texts[match[1]], template)
    if len(name) > _LONGEST_NAME:
        msg = (f"--name {template} gives {name:.80}..., of {len(name)} characters; expected at "
               f"most {_LONGEST_NAME}")
        raise ExposureError(msg)
    return name + SUFFIX
