"""The closing table has the names of masks whole, in as many columns as there is room for."""

import io

import numpy as np
import pytest
from rich.console import Console

from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.terminal import closing_table as module
from staticmask_cli.terminal.closing_table import closing_table
from tests.support.exposures import sky

SHAPE = (1500, 1700)


@pytest.fixture(scope="module")
def mask() -> StaticMask:
    """Return a mask of a camera with a long name and many low, flagged and missing pixels."""
    mask = StaticMask(Signature("NIRCAMNRCALONG", SHAPE, 1), static_sig=3.0, final_bits="0")
    data, dq = sky(SHAPE), np.zeros(SHAPE, np.int16)
    data[:2] = np.nan
    dq[-3:] = 4
    mask.add(data, label="a.fits", dq=dq)
    mask.included = np.zeros(SHAPE, bool)
    mask.included[7, :5] = True
    return mask


def lines_of(mask: StaticMask, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(module, "width_of_stderr", lambda: width)
    stream = io.StringIO()
    Console(file=stream, width=width).print(closing_table([mask]))
    return [line.rstrip() for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_name_and_no_number_is_broken(
    width: int, mask: StaticMask, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = lines_of(mask, width, monkeypatch)
    assert max(map(len, lines)) <= width
    (row,) = [line for line in lines if "NIRCAM" in line]
    assert row.split()[0] == "NIRCAMNRCALONG_1500x1700_1"
    assert row.split()[-1] == f"{mask.nbad / mask.below.size:.4%}"
    assert "…" not in "".join(lines)


def test_what_matters_least_goes_first(mask: StaticMask, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {width: " ".join(lines_of(mask, width, monkeypatch)) for width in (60, 80, 200)}
    assert "rms" in found[200]
    assert "rms" not in found[80]
    assert "below" in found[80]
    assert "expected" not in found[60]


def test_numbers_are_written_out(mask: StaticMask, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = [line for line in lines_of(mask, 200, monkeypatch) if "NIRCAM" in line]
    assert f" {mask.chance:,.0f} " in row
    assert mask.chance > 1000
    assert " 3,400 " in row  # missing pixels
    assert "e+" not in row


def test_columns_of_what_does_not_occur_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = StaticMask(Signature("ACSWFC", (60, 80), 1))
    plain.add(sky(), label="a.fits")
    text = " ".join(lines_of(plain, 200, monkeypatch))
    assert not any(title in text for title in ("NaN", "high", "included"))
