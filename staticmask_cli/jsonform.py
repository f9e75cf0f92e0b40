"""Results as JSON: one head for all documents, and numbers that JSON has."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from staticmask_cli._version import __version__

__all__ = ["as_json", "plain"]

_VERSION = 1  # of the documents; it rises when a name goes or changes its meaning


def as_json(kind: str, content: Any) -> str:  # noqa: ANN401 - a dataclass or mapping
    """Return a document of some kind, ``report``, ``plan`` or ``inspection``, as text.

    Its schema is ``schemas/KIND.schema.json`` in the package.  Text is ASCII, with
    escapes for all else, so that file names of any bytes survive.
    """
    head = {
        "format": f"staticmask {kind}", "version": _VERSION, "program": f"staticmask {__version__}",
    }
    return json.dumps({**head, **plain(content)}, indent=2, allow_nan=False)


def plain(value: Any) -> Any:  # noqa: ANN401 - anything goes in, what JSON has comes out
    """Turn dataclasses into objects, tuples into arrays, and what is not finite into null."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)
