"""HST and JWST association tables: which exposures they name, and which files these are.

What is known about the tables comes from the HST Data Handbook, hstcal's ``acstable.c``
(the types of members), stsci.tools (the order of suffixes) and the JWST
documentation (the JSON form).
"""

import os
import re
from collections.abc import Callable, Iterator
from typing import Any

from staticmask_cli.errors import FaultError, InputError, StaticMaskError
from staticmask_cli.io.paths import existence_check, is_remote, join_path, open_file

__all__ = ["find_members", "is_association", "read_association"]

_TABLE_NAME = re.compile(r"_(asn|asc)\.fits(\.gz|\.bz2)?$", re.IGNORECASE)
_JSON_NAME = re.compile(r"\.json$", re.IGNORECASE)  # no exposure is JSON
_SUFFIXES = (
    "_crj", "_flt", "_flc", "_sfl", "_cal", "_raw", "_c0h", "_c0f", "_c0m", "",
)
_ENDINGS = (".fits", ".fits.gz", ".fits.bz2", ".fits.fz")
_USED_COLUMNS = ("MEMNAME", "MEMTYPE", "MEMPRSNT")
_ALTERNATIVES = {"_flt": "_flc"}  # if both exist, the user must choose
_LONGEST_NAME = 200  # characters; a file system allows 255 bytes, with the suffix
_LARGEST_TABLE = 1 << 23  # bytes of JSON or of the data of a table; usual ones have thousands
_MOST_MEMBERS = 10_000  # each is looked for under many names


def is_association(path: str) -> bool:
    """Whether the name of a file is that of an association table."""
    return bool(_TABLE_NAME.search(path) or _JSON_NAME.search(path))


def read_association(path: str) -> list[str]:
    """Return the names of the exposures that a table lists as present members.

    Parameters
    ----------
    path : str
        A FITS table (``_asn.fits``, ``_asc.fits``), or a ``.json`` file of JWST or Roman.

    Returns
    -------
    list of str
        The names as the table has them, without padding.  Products, background exposures
        (EXP-BCKn) and absent members are left out.

    Raises
    ------
    InputError
        If the table cannot be read, is absurdly large, has no members, or a name is a path
        that leads out of the table's folder.
    """
    members = _json_members(path) if _JSON_NAME.search(path) else _table_members(path)
    names = list(dict.fromkeys(re.sub(r"^(\./+)+", "", name) for name in members))
    if not names:
        msg = f"{path}: the association names no exposure that is present"
        raise InputError(msg)
    if len(names) > _MOST_MEMBERS:
        msg = f"{path}: the association names {len(names)} exposures, of {_MOST_MEMBERS} allowed"
        raise InputError(msg)
    for name in names:
        # Tables are untrusted: a member is in the folder of its table or below, nowhere else.
        plain = (_is_plain(part, remote=is_remote(path)) for part in name.split("/"))
        if len(name) > _LONGEST_NAME or not all(plain):
            msg = f"{path}: member {name[:80]!r}: expected a file beside the association or below"
            raise InputError(msg)
    return names


def _is_plain(part: str, *, remote: bool) -> bool:
    """Whether a part of a path is a plain and printable name."""
    if remote and not re.fullmatch(r"[\w.+=@-]*", part, re.ASCII):  # plain in URLs
        return False
    return (
        bool(part)
        and part.isprintable()
        and not part.startswith((".", "~", "-"))
        and "\\" not in part
    )


def find_members(folder: str, name: str, suffix: str | None = None) -> list[str]:
    """Return the files of a member, which are in the folder of its table.

    Parameters
    ----------
    folder : str
        The folder of the table, as the user wrote it.
    name : str
        The name as `read_association` returns it; the lower case of the file is tried too.
    suffix : str, optional
        The kind of file to use (``flc``), instead of the first in the usual order.

    Returns
    -------
    list of str
        Usually one path; two if both ``_flt`` and ``_flc`` exist; none if no file exists.
    """
    below, _, name = name.rpartition("/")
    folder = join_path(folder, below) if below else folder
    is_there = existence_check(folder, name)
    exact = _existing(folder, [name, name.lower()], is_there)
    if exact:
        return exact
    for kind in _SUFFIXES if suffix is None else (f"_{suffix.lstrip('_')}",):
        found = _existing(folder, _spellings(name, kind), is_there)
        if found:
            other = _ALTERNATIVES.get(kind) if suffix is None else None
            others = _spellings(name, other) if other else []
            return found + _existing(folder, others, is_there)
    return []


def _spellings(name: str, kind: str) -> list[str]:
    """Return the file names that a member can have."""
    return [f"{root}{kind}{ending}" for root in (name, name.lower()) for ending in _ENDINGS]


def _existing(folder: str, names: list[str], is_there: Callable[[str], bool]) -> list[str]:
    """Return the path of the first of these files that exists, or an empty list."""
    return next(([join_path(folder, name)] for name in names if is_there(name)), [])


def _table_members(path: str) -> Iterator[str]:
    """Yield the names of the present members of a FITS table."""
    from staticmask_cli.fits.open import opened  # noqa: PLC0415 - most runs need no table

    with opened(path) as hdus:
        columns = _columns(hdus, path)
    missing = [name for name in ("MEMNAME", "MEMTYPE") if name not in columns]
    if missing:
        msg = f"{path}: expected columns MEMNAME and MEMTYPE, found no {' and no '.join(missing)}"
        raise InputError(msg)
    odd = [name for name in _USED_COLUMNS if getattr(columns.get(name), "ndim", 1) != 1]
    if odd:
        msg = f"{path}: expected one value a row in column {odd[0]}, found several"
        raise InputError(msg)
    present = columns.get("MEMPRSNT", [True] * len(columns["MEMNAME"]))
    for name, kind, there in zip(columns["MEMNAME"], columns["MEMTYPE"], present, strict=True):
        member_type = _text(kind).upper().replace("_", "-")
        wanted = member_type.startswith("EXP") and not member_type.startswith("EXP-BCK")
        if wanted and _is_true(there):
            yield _text(name)


def _columns(hdus: Any, path: str) -> dict[str, Any]:  # noqa: ANN401 - an HDUList
    """Return the columns of the first table by name in upper case; none if there is no table."""
    for hdu in hdus[1:]:
        columns = getattr(hdu, "columns", None)
        if columns is not None:
            _refuse_too_large(hdu, path)
            return {name.upper(): hdu.data[name] for name in columns.names
                    if name.upper() in _USED_COLUMNS}
    return {}


def _refuse_too_large(table: Any, path: str) -> None:  # noqa: ANN401 - a table HDU
    """Refuse a table that could need much more memory than its file has bytes."""
    if table.size > _LARGEST_TABLE:
        msg = f"{path}: its table has {table.size} bytes, expected up to {_LARGEST_TABLE}"
        raise InputError(msg)
    for column in table.columns:
        # The pointers of such a column may point anywhere, to any number of values.
        if column.name.upper() in _USED_COLUMNS and re.match(r"\d*[PQ]", str(column.format)):
            msg = f"{path}: expected one value a row in column {column.name}, found several"
            raise InputError(msg)


def _json_members(path: str) -> Iterator[str]:
    """Yield the names of the science members of a JSON table."""
    is_there = not is_remote(path) and os.path.exists(path)
    if is_there and not os.path.isfile(path):  # a named pipe would block for ever
        msg = f"{path}: the association cannot be read: it is not a regular file"
        raise InputError(msg)
    import json  # noqa: PLC0415 - of the few runs with such an association

    try:
        with open_file(path) as stream:
            content = stream.read(_LARGEST_TABLE + 1)
        if len(content) > _LARGEST_TABLE:
            msg = "larger than 8 MiB"
            raise FaultError(msg)
        members = [
            member
            for product in json.loads(content)["products"]
            for member in product["members"]
        ]
        pairs = [(member["expname"], str(member["exptype"]).strip()) for member in members]
        names = [name for name, kind in pairs if kind.lower() == "science"]
        wrong = next((name for name in names if not isinstance(name, str)), "")
        if wrong != "":
            msg = f"expname is {wrong!r:.80}"
            raise FaultError(msg)
    except StaticMaskError:
        raise
    except OSError as error:
        msg = f"{path}: the association cannot be read: {error.strerror}"
        raise InputError(msg) from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        msg = (
            f"{path}: expected a JWST association with products[].members[] of expname and "
            f"exptype: {_difference(error)}"
        )
        raise InputError(msg) from error
    yield from (name.strip() for name in names)


def _difference(error: Exception) -> str:
    """Describe in what a file differs from an association of JWST."""
    line = getattr(error, "lineno", None)
    if line is not None:
        return f"line {line} is not JSON"
    if isinstance(error, KeyError):
        return f"{error.args[0]!s:.40} is missing"
    return str(error) if isinstance(error, FaultError) else "found something else"


def _text(value: Any) -> str:  # noqa: ANN401 - str or bytes, padded with blanks or NULs
    text = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    return text.strip(" \0")


def _is_true(value: Any) -> bool:  # noqa: ANN401 - a logical, or its first letter as text
    if isinstance(value, str | bytes):
        return _text(value).upper() in {"T", "TRUE", "YES", "Y", "1"}
    return bool(value)
