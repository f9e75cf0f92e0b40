"""FITS files and association tables for the tests."""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from astropy.io import fits

Rows = Sequence[tuple[object, object]]


def touch(folder: Path, *names: str) -> None:
    """Make empty files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write_table(path: Path, rows: Rows, present: Sequence[object] | None = None, *,
                form: str = "L") -> str:
    """Write a FITS association; cells are padded with NULs, MEMPRSNT is there only if given."""
    columns = []
    for title, column in zip(("MEMNAME", "MEMTYPE"), zip(*rows, strict=True), strict=False):
        cells = [c if isinstance(c, bytes) else str(c).encode() for c in column]
        width = max(16, *map(len, cells))
        columns.append(fits.Column(title, f"{width}A", array=np.array(cells)))
    if present is not None:
        columns.append(fits.Column("MEMPRSNT", form, array=np.array(present)))
    table = fits.BinTableHDU.from_columns(columns, name="ASN")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(path, overwrite=True)
    return str(path)


def write_json(path: Path, rows: Rows) -> str:
    """Write a JWST association, one product for every two members."""
    members = [{"expname": name, "exptype": kind} for name, kind in rows]
    products = [{"name": "p", "members": members[i : i + 2]} for i in range(0, len(members), 2)]
    path.write_text(json.dumps({"asn_type": None, "products": products}))
    return str(path)


# Files that are sound.


def fits_bytes(*hdus: fits.hdu.base.ExtensionHDU, **primary: object) -> bytes:
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC", "EXPTIME": 9.0, **primary})
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(header=header), *hdus]).writeto(stream)
    return stream.getvalue()
