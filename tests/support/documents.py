"""What commands print: JSON, checked with the schemas of the package, and the cells of tables."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema

import staticmask_cli

SCHEMAS = Path(staticmask_cli.__file__).parent / "schemas"


def schema_of(kind: str) -> dict[str, Any]:
    """Return the schema of a kind of document, which must be one itself."""
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{kind}.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def checked(kind: str, text: str) -> dict[str, Any]:
    """Read a document that must be all that its schema says, and nothing that it does not say."""
    document: dict[str, Any] = json.loads(text)
    jsonschema.Draft202012Validator(_strict(schema_of(kind))).validate(document)
    return document


def _strict(schema: Any) -> Any:  # noqa: ANN401 - any part of a schema
    """Forbid names without a description; users get a schema that lets documents grow."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    parts = {name: _strict(part) for name, part in schema.items()}
    return {"additionalProperties": False, **parts} if "required" in parts else parts


def cells(output: str) -> list[list[str]]:
    """Return the cells of each line of a table."""
    return [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]


def in_a_column(words: str, table: str) -> bool:
    """Find whether a text is in a table, even if it is broken over several lines of its column."""
    lines = table.splitlines()
    longest = max(map(len, lines))
    padded = [line.ljust(longest) for line in lines]
    return any(
        re.sub(r"\s", "", words) in re.sub(r"\s", "", "".join(line[start:] for line in padded))
        or re.sub(r"\s", "", words) in re.sub(r"\s", "", "".join(line[:start] for line in padded))
        for start in range(longest)
    )
