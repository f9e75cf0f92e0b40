"""Signatures and the names of masks."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli import Signature
from staticmask_cli.errors import ExposureError

HOSTILE = st.one_of(
    st.text(max_size=80),
    st.text("./\\~-+ :*?\0\n\r\t|<>\"'%$ACS", max_size=80),
    st.sampled_from(["../../etc/passwd", "/etc/passwd", "C:\\x", "..", "-rf", "a\0b", "ÅCS"]),
)


@pytest.mark.parametrize(
    ("signature", "filename"),
    [
        (("ACSWFC", (2048, 4096), 1), "ACSWFC_2048x4096_1_staticMask.fits"),
        (("WFPC2PC", (800, 801), 1), "WFPC2PC_800x801_1_staticMask.fits"),
        (("STISFUV-MAMA", (1024, 1030), 1), "STISFUV-MAMA_1024x1030_1_staticMask.fits"),
        (("NICMOS3", (256, 250), 3), "NICMOS3_256x250_3_staticMask.fits"),
        (("A.B+C-D", (1, 2), 0), "A.B+C-D_1x2_0_staticMask.fits"),
        (("ACS/WFC", (1, 2), 7), "ACSWFC_1x2_7_staticMask.fits"),
        (("../../etc/passwd", (1, 2), 1), "etcpasswd_1x2_1_staticMask.fits"),
        (("--output", (1, 2), 1), "output_1x2_1_staticMask.fits"),
        ((".hidden", (1, 2), 999_999), "hidden_1x2_999999_staticMask.fits"),
        (("x" * 64, (1, 2), 1), "x" * 64 + "_1x2_1_staticMask.fits"),
    ],
)
def test_name_of_the_mask_follows_the_rule(
    signature: tuple[str, tuple[int, int], int], filename: str
) -> None:
    assert Signature(*signature).filename == filename


@given(detector=HOSTILE, ny=st.integers(1, 9999), nx=st.integers(1, 9999),
       number=st.integers(0, 999_999))
def test_no_header_makes_a_name_that_leaves_the_folder(
    detector: str, ny: int, nx: int, number: int
) -> None:
    signature = Signature(detector, (ny, nx), number)
    if not 0 < len(re.sub(r"[^A-Za-z0-9.+-]", "", detector).lstrip(".+-")) <= 64:
        with pytest.raises(ExposureError, match="cannot name a mask: expected 1 to 64 letters"):
            _ = signature.filename
        return
    name = signature.filename
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]*_\d+x\d+_\d+_staticMask\.fits", name)
    assert name.endswith(f"_{ny}x{nx}_{number}_staticMask.fits")
    assert len(name) < 120


@pytest.mark.parametrize("detector", ["", "...", "-", "///", "日本", "x" * 65])
def test_a_detector_without_a_usable_letter_is_refused(detector: str) -> None:
    with pytest.raises(
        ExposureError, match=f"^INSTRUME and DETECTOR make {re.escape(repr(detector))}, which"
    ):
        _ = Signature(detector, (3, 4), 1).filename


@pytest.mark.parametrize("number", [-1, 1_000_000, 10**68, -(10**68), 10**400])
def test_an_absurd_number_is_refused(number: int) -> None:
    with pytest.raises(ExposureError, match=r"^chip number \S{1,20} of ACSWFC cannot name a mask"):
        _ = Signature("ACSWFC", (3, 4), number).filename


def test_a_signature_is_the_plain_tuple_of_the_documentation() -> None:
    plain = ("ACSWFC", (60, 80), 2)
    signature = Signature(*plain)
    assert signature == plain
    assert hash(signature) == hash(plain)
    assert len({plain, signature}) == 1
    assert (signature.detector, signature.shape, signature.number) == plain
    assert signature != Signature("ACSWFC", (80, 60), 2)
