"""The configspec: which parameters there are, of what type, default and meaning."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from configobj import ConfigObj

__all__ = ["Declaration", "declarations", "read_spec", "sections_of"]


@dataclass(frozen=True)
class Declaration:
    """What the configspec says about one parameter.

    Attributes
    ----------
    name : str
        Of the parameter.
    section : str
        Section of a ``.cfg`` in which it stands; empty for the root level.
    kind : str
        Name of its type, one of the checks of `staticmask_cli.config`.
    default : str
        As a ``.cfg`` spells it.
    comment : str
        What it means, in one line.
    """

    name: str
    section: str
    kind: str
    default: str
    comment: str


def read_spec() -> "ConfigObj":
    """Read the configspec: inside the package when installed, beside it in a checkout."""
    from configobj import ConfigObj  # noqa: PLC0415 - kept out of the start-up

    package = Path(__file__).parent
    folder = package / "configspec"
    if not folder.is_dir():
        folder = package.parent / "configspec"
    return ConfigObj(
        str(folder / "staticmask.cfgspc"),
        encoding="utf-8", file_error=True, interpolation=False, list_values=False, _inspec=True,
    )


def sections_of(spec: "ConfigObj") -> dict[str, "ConfigObj"]:
    """Home of each parameter in the spec: the root level or a section."""
    homes = dict.fromkeys(spec.scalars, spec)
    for section in spec.sections:
        homes |= dict.fromkeys(spec[section].scalars, spec[section])
    return homes


def declarations() -> dict[str, Declaration]:
    """Parameters by name, in the order of the configspec."""
    from configobj.validate import Validator  # noqa: PLC0415 - kept out of the start-up

    spec = read_spec()
    found = {}
    for name, home in sections_of(spec).items():
        kind = home[name].partition("(")[0]
        default = Validator({kind: str}).get_default_value(home[name])
        # ConfigObj takes the comment above the very first parameter for the file's own.
        lines = home.comments[name] or spec.initial_comment
        section = "" if home is spec else home.name
        comment = lines[-1].lstrip("# ")
        found[name] = Declaration(name, section, kind, str(default), comment)
    return found
