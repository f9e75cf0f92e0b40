"""Association tables: which exposures they name, and which files these are."""

import contextlib
import gc
import gzip
import json
import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.errors import InputError
from staticmask_cli.exposures import associations
from staticmask_cli.exposures.associations import find_members, is_association, read_association
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.fits.open import astropy_silenced
from tests.support.fits_files import Rows, touch, write_json, write_table

KINDS = ("_crj", "_flt", "_flc", "_sfl", "_cal", "_raw", "_c0h", "_c0f", "_c0m", "")
ENDINGS = (".fits", ".fits.gz", ".fits.bz2", ".fits.fz")
NO_EXPOSURE = "the association names no exposure that is present"
NO_JWST = "expected a JWST association with products[].members[] of expname and exptype: "


@pytest.mark.parametrize(("name", "expected"), [
    ("x_asn.fits", True), ("x_asc.fits", True), ("X_ASN.FITS", True), ("x_asn.fits.gz", True),
    ("x_asn.json", True), ("d/x_ASN.json", True), ("x_asc.json", True), ("x.json", True),
    ("asn.fits", False), ("x_asn.fits.txt", False), ("x_flt.fits", False), ("x_asn", False),
    ("json", False), ("x_asn.fits/a_flt.fits", False),
])
def test_a_file_is_an_association_by_its_name(name: str, *, expected: bool) -> None:
    assert is_association(name) is expected


@pytest.mark.parametrize("kind", [
    "EXP-DTH", "exp-dth", "Exp-Dth", "EXP_DTH", "EXP-CRJ", "EXP-CR1", "exp_cr2", "EXP-RPT",
    "EXP-RP3", "EXP-TARG", "exp_targ", "EXP", " EXP-DTH ",
])
def test_exposures_of_any_type_are_members(tmp_path: Path, kind: str) -> None:
    table = write_table(tmp_path / "x_asn.fits", [("A", kind), ("P", "PROD-DTH"), ("B", kind)])
    assert read_association(table) == ["A", "B"]


@pytest.mark.parametrize("kind", [
    "PROD-DTH", "prod-crj", "PROD_RPT", "PROD-TARG", "PROD-BCK1", "EXP-BCK1", "EXP-BCK12",
    "exp-bck2", "EXP_BCK3", "EXP-BCK", "AUX-EXP", "", "?",
])
def test_products_and_backgrounds_are_not_members(tmp_path: Path, kind: str) -> None:
    rows = [("P", kind), ("A", "EXP-DTH"), ("P", kind)]
    assert read_association(write_table(tmp_path / "x_asn.fits", rows)) == ["A"]
    with pytest.raises(InputError, match=f"y_asn.fits: {NO_EXPOSURE}"):
        read_association(write_table(tmp_path / "y_asn.fits", rows[:1]))


@pytest.mark.parametrize(("form", "present", "absent"), [
    ("L", True, False), ("I", 1, 0), ("1A", "T", "F"), ("5A", "T", ""), ("5A", "true", "false"),
    ("3A", "yes", "no"), ("3A", "YES", "NO"), ("2A", "Y", "N"), ("2A", "1", "0"),
])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_absent_members_are_left_out(
    tmp_path: Path, form: str, present: object, absent: object, ending: str
) -> None:
    rows = [("GONE", "EXP-DTH"), ("A", "EXP-DTH"), ("LOST", "EXP-CR1"), ("B", "EXP-CR1")]
    path = tmp_path / f"x_asn.fits{ending}"
    there = [absent, present, absent, present]
    assert read_association(write_table(path, rows, there, form=form)) == ["A", "B"]


def test_a_table_of_a_million_columns_is_refused_before_they_are_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "x_asn.fits"
    table = write_table(path, [("A", "EXP-DTH")])
    content = path.read_bytes()
    assert b"TFIELDS = %20d" % 2 in content
    path.write_bytes(content.replace(b"TFIELDS = %20d" % 2, b"TFIELDS = %20d" % 1_440_744))
    with pytest.raises(InputError, match="TFIELDS = 1440744: expected a whole number from 0 to"):
        read_association(table)


def test_a_table_with_all_members_absent_names_no_exposure(tmp_path: Path) -> None:
    table = write_table(tmp_path / "x_asn.fits", [("A", "EXP-DTH"), ("P", "PROD-DTH")], [0, 1])
    with pytest.raises(InputError, match=NO_EXPOSURE):
        read_association(table)


@pytest.mark.parametrize("pad", [b"\0", b" "])
def test_padding_is_not_part_of_a_name(tmp_path: Path, pad: bytes) -> None:
    path = tmp_path / "x_asn.fits"
    write_table(path, [("JX01", "EXP-DTH"), ("JX02", "EXP-DTH"), ("JX01", "EXP-DTH")])
    content = path.read_bytes()
    for cell in (b"JX01", b"JX02", b"EXP-DTH"):
        assert cell.ljust(16, b"\0") in content
        content = content.replace(cell.ljust(16, b"\0"), cell.ljust(16, pad))
    path.write_bytes(content)
    assert read_association(str(path)) == ["JX01", "JX02"]  # without repetitions


def test_the_first_table_is_read_and_its_columns_are_found_in_any_case(tmp_path: Path) -> None:
    def columns(name: str) -> list[fits.Column]:
        return [fits.Column("XOFFSET", "E", array=[0.5]),
                fits.Column("memtype", "8A", array=["EXP-DTH"]),
                fits.Column("MemName", "8A", array=[name])]

    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 3))),
            *(fits.BinTableHDU.from_columns(columns(name)) for name in ("FIRST", "SECOND"))]
    fits.HDUList(hdus).writeto(tmp_path / "x_asc.fits")
    assert read_association(str(tmp_path / "x_asc.fits")) == ["FIRST"]


def test_science_members_of_all_products_of_a_jwst_association_are_read(tmp_path: Path) -> None:
    rows = [("a_cal.fits", "science"), ("b_cal.fits", "background"), (" c_cal.fits ", "SCIENCE"),
            ("d_cal.fits", "psf"), ("e_cal.fits", " Science"), ("a_cal.fits", "science"),
            ("f_cal.fits", "selfcal"), ("g_cal.fits", "imprint")]
    path = write_json(tmp_path / "jw_asn.json", rows)
    assert read_association(path) == ["a_cal.fits", "c_cal.fits", "e_cal.fits"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["jx01", "JX01"])
def test_kinds_are_tried_in_the_order_of_the_reference(
    tmp_path: Path, kind: str, name: str
) -> None:
    rest = KINDS[KINDS.index(kind):]
    touch(tmp_path, *(f"jx01{each}.fits" for each in rest))
    expected = ["_flt", "_flc"] if kind == "_flt" else [kind]  # the user must choose
    found = find_members(str(tmp_path), name)
    assert found == [str(tmp_path / f"jx01{each}.fits") for each in expected]


@pytest.mark.parametrize("ending", ENDINGS)
def test_compressed_files_are_found_after_plain_ones(tmp_path: Path, ending: str) -> None:
    later = ENDINGS[ENDINGS.index(ending):]
    touch(tmp_path, *(f"jx01_flt{each}" for each in later), "jx01_raw.fits")
    assert find_members(str(tmp_path), "JX01") == [str(tmp_path / f"jx01_flt{ending}")]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_kind_of_a_file_decides_before_its_compression(tmp_path: Path, ending: str) -> None:
    touch(tmp_path, f"jx01_crj{ending}", "jx01_flt.fits", f"jx02_flt{ending}", "jx02_flc.fits")
    assert find_members(str(tmp_path), "jx01") == [str(tmp_path / f"jx01_crj{ending}")]
    both = [str(tmp_path / f"jx02_flt{ending}"), str(tmp_path / "jx02_flc.fits")]
    assert find_members(str(tmp_path), "jx02") == both


@pytest.mark.parametrize(("files", "name", "expected"), [
    (["JX01_flt.fits"], "JX01", "JX01_flt.fits"),
    (["JX01_flt.fits", "jx01_flt.fits"], "JX01", "JX01_flt.fits"),
    (["JX01_flt.fits", "jx01_flt.fits"], "jx01", "jx01_flt.fits"),
    (["jx01_flt.fits"], "Jx01", "jx01_flt.fits"),
    (["jx01_flc.fits", "jx01_flt.fits"], "JX01_FLC.FITS", "jx01_flc.fits"),
    (["JX01_FLC.FITS", "jx01_flc.fits"], "JX01_FLC.FITS", "JX01_FLC.FITS"),
    (["jx01_flc.fits", "jx01_flt.fits"], "JX01_FLC", "jx01_flc.fits"),
    (["jx01_i2d.fits", "jx01_flt.fits"], "jx01_i2d.fits", "jx01_i2d.fits"),
    (["jx01_crj.fits.gz", "jx01_flt.fits"], "jx01_crj.fits.gz", "jx01_crj.fits.gz"),
])
def test_a_member_is_found_as_named_and_in_lower_case(
    tmp_path: Path, files: list[str], name: str, expected: str
) -> None:
    touch(tmp_path, *files)
    assert find_members(str(tmp_path), name) == [str(tmp_path / expected)]


@pytest.mark.parametrize(("suffix", "expected"), [
    ("flc", ["JX01_flc.fits"]), ("_flc", ["JX01_flc.fits"]), ("flt", ["JX01_flt.fits"]),
    ("raw", ["JX01_raw.fits.gz"]), ("x1d", ["JX01_x1d.fits"]), ("crj", []), ("cal", []),
])
def test_a_suffix_replaces_the_usual_order(
    tmp_path: Path, suffix: str, expected: list[str]
) -> None:
    touch(tmp_path, *(f"JX01_{end}" for end in ("flt.fits", "flc.fits", "raw.fits.gz", "x1d.fits")))
    found = find_members(str(tmp_path), "JX01", suffix)
    assert found == [str(tmp_path / name) for name in expected]


def test_folders_are_not_members(tmp_path: Path) -> None:
    (tmp_path / "jx01_flt.fits").mkdir()
    (tmp_path / "jx01").mkdir()
    assert find_members(str(tmp_path), "jx01") == []
    touch(tmp_path, "jx01_raw.fits")
    assert find_members(str(tmp_path), "jx01") == [str(tmp_path / "jx01_raw.fits")]


WRITERS = pytest.mark.parametrize(("write", "table", "kind"), [
    (write_table, "x_asn.fits", "EXP-DTH"),
    (write_table, "x_asc.fits", "EXP-TARG"),
    (write_json, "x_asn.json", "science"),
])


@WRITERS
def test_members_are_searched_beside_their_table_and_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, Rows], str], table: str, kind: str,
) -> None:
    touch(tmp_path / "night", "a_flt.fits", "b_flt.fits")
    touch(tmp_path / "here", "a_flt.fits", "b_flt.fits", "c_flt.fits")
    write(tmp_path / "night" / table, [("a", kind), ("b", kind)])
    monkeypatch.chdir(tmp_path / "here")
    assert expand_inputs([f"../night/{table}"]) == ["../night/a_flt.fits", "../night/b_flt.fits"]
    write(tmp_path / "night" / table, [("a", kind), ("c", kind)])
    with pytest.raises(InputError) as caught:
        expand_inputs([f"../night/{table}"])
    assert str(caught.value) == (
        f"../night/{table}: member c: no such exposure beside the association"
    )


@WRITERS
def test_a_member_may_have_a_path_that_stays_below_its_table(
    tmp_path: Path, write: Callable[[Path, Rows], str], table: str, kind: str
) -> None:
    touch(tmp_path / "night", "a_flt.fits", "sub/b_flt.fits", "sub/deep/c.fits")
    names = ["./a", "././a_flt.fits", "sub/B", "sub/deep/c.fits"]
    path = write(tmp_path / "night" / table, [(name, kind) for name in names])
    found = [str(tmp_path / "night" / name)
             for name in ("a_flt.fits", "sub/b_flt.fits", "sub/deep/c.fits")]
    assert expand_inputs([path]) == found


@WRITERS
@pytest.mark.parametrize("name", [
    "../x", "..", ".", "/etc/passwd", "sub/../x", "sub/.hidden", "x/", "sub//x", "a\0b",
    "", ".hidden", "~", "~root", "..\\x", "C:\\x", "\\\\host\\x",
    "a" * 10_000, "../" * 4000, "a\x1b[2Jb", "a\nb", "a\x7fb",
], ids=lambda value: repr(value)[:14] if isinstance(value, str) else None)
def test_a_member_that_is_not_a_plain_file_name_is_refused(
    tmp_path: Path, write: Callable[[Path, Rows], str], table: str, kind: str, name: str
) -> None:
    touch(tmp_path, "x_flt.fits", ".hidden_flt.fits")
    touch(tmp_path / "night" / "sub", "x_flt.fits")
    touch(tmp_path / "night", "good_flt.fits", "a_flt.fits", ".hidden_flt.fits")
    path = write(tmp_path / "night" / table, [("good", kind), (name, kind)])
    with pytest.raises(InputError) as caught:
        read_association(path)
    expected = "expected a file beside the association or below"
    assert str(caught.value) == f"{path}: member {name.removeprefix('./')[:80]!r}: {expected}"


def test_a_member_whose_name_no_file_can_have_is_refused(tmp_path: Path) -> None:
    path = write_json(tmp_path / "x_asn.json", [("\ud800", "science")])
    with pytest.raises(InputError, match=r"member '\\ud800': expected a file beside"):
        read_association(path)


def _without(*columns: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        write_table(path, [("A", "EXP-DTH")], [True])
        table = fits.getdata(path)
        keep = [column for column in table.columns if column.name not in columns]
        path.unlink()
        fits.BinTableHDU.from_columns(keep).writeto(path)

    return write


def _content(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def _truncated(nbytes: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        write_table(path, [("A", "EXP-DTH"), ("B", "EXP-DTH")])
        path.write_bytes(path.read_bytes()[:nbytes])

    return write


def _damaged_gzip(path: Path) -> None:
    write_table(path.with_suffix(""), [("A", "EXP-DTH")])
    packed = gzip.compress(path.with_suffix("").read_bytes())
    path.write_bytes(packed[:12] + b"\xff" * 40 + packed[52:])


def _truncated_gzip(path: Path) -> None:
    write_table(path, [("A", "EXP-DTH")])
    path.write_bytes(path.read_bytes()[:150])


def _image_only(path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.ones((2, 3)))]).writeto(path)


def _variable_length(path: Path) -> None:
    names = fits.Column("MEMNAME", "PB()", array=np.array([np.zeros(3, "u1")], dtype=object))
    kinds = fits.Column("MEMTYPE", "7A", array=["EXP-DTH"])
    fits.BinTableHDU.from_columns([names, kinds]).writeto(path)


def _table_of_many_rows(path: Path) -> None:
    """Write a table with many rows, as a sparse file."""
    write_table(path, [("A" * 25, "EXP-DTH")])
    content = path.read_bytes()
    row = re.search(rb"NAXIS1  = +(\d+)", content[2880:])
    assert row is not None
    rows = 8_400_000 // int(row[1])
    path.write_bytes(content.replace(
        b"NAXIS2  =                    1", b"NAXIS2  = %20d" % rows
    ))
    os.truncate(path, 9_000_000)


def _many_members(path: Path) -> None:
    write_table(path, [(f"A{n}", "EXP-DTH") for n in range(10_001)])


def _many_json_members(path: Path) -> None:
    write_json(path, [(f"A{n}", "science") for n in range(10_001)])


def _vector_of_logicals(path: Path) -> None:
    write_table(path, [("A", "EXP-DTH")], [[True, False]], form="2L")


@pytest.mark.parametrize(("name", "make", "expected"), [
    ("x_asn.fits", lambda _: None, "expected a FITS file, found nothing"),
    ("x_asn.fits", Path.mkdir, "expected a FITS file, found something that is not a file"),
    ("x_asn.fits", _content(b""), "cannot be read as FITS: the file is empty"),
    ("x_asn.fits", _content(b"jx01_flt.fits\n"), "it begins with 'jx01_f', expected SIMPLE"),
    ("x_asn.fits", _truncated(100), "is truncated: "),
    ("x_asn.fits", _truncated(2880), "expected columns MEMNAME and MEMTYPE, found no MEMNAME"),
    ("x_asn.fits", _truncated(5760), "is truncated: "),
    ("x_asn.fits", _truncated(5770), "is truncated: "),
    ("x_asn.fits", _image_only, "found no MEMNAME and no MEMTYPE"),
    ("x_asn.fits", _without("MEMNAME"), "found no MEMNAME"),
    ("x_asc.fits", _without("MEMTYPE"), "found no MEMTYPE"),
    ("x_asn.fits", _without("MEMNAME", "MEMTYPE"), "found no MEMNAME and no MEMTYPE"),
    ("x_asn.fits", _vector_of_logicals, "MEMPRSNT"),
    ("x_asn.fits.gz", _truncated_gzip, ""),
    ("x_asn.fits.gz", _damaged_gzip, "cannot be read as FITS: "),
    ("x_asn.fits", _variable_length, "expected one value a row in column MEMNAME, found several"),
    ("x_asn.fits", _table_of_many_rows, " bytes, expected up to 8388608"),
    ("x_asn.fits", _many_members, "the association names 10001 exposures, of 10000 allowed"),
    ("x_asn.json", _many_json_members, "the association names 10001 exposures, of 10000 allowed"),
    ("x_asn.fits", os.mkfifo, "expected a FITS file, found something that is not a file"),
    ("x_asn.json", os.mkfifo, "cannot be read: it is not a regular file"),
    ("x_asn.json", Path.mkdir, "cannot be read: it is not a regular file"),
    ("x_asn.json", lambda _: None, f"cannot be read: {os.strerror(2)}"),
])
def test_a_damaged_table_is_an_input_error(
    tmp_path: Path, name: str, make: Callable[[Path], object], expected: str
) -> None:
    path = tmp_path / name
    make(path)
    with astropy_silenced(), pytest.raises(InputError) as caught:
        read_association(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)


def test_a_table_without_rows_names_no_exposure(tmp_path: Path) -> None:
    columns = [fits.Column(name, "8A", array=[]) for name in ("MEMNAME", "MEMTYPE")]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "x_asn.fits")
    with pytest.raises(InputError, match=f"x_asn.fits: {NO_EXPOSURE}"):
        read_association(str(tmp_path / "x_asn.fits"))


def test_characters_that_are_not_ascii_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "x_asn.fits"
    write_table(path, [("A", "EXP-DTH"), (b"B\xff\xfe", "EXP-DTH"), ("C", b"EXP-\xff")])
    assert read_association(str(path)) == ["A", "B\ufffd\ufffd", "C"]


@pytest.mark.parametrize("content", [_truncated(100), _truncated(5770), _content(
    b"".join(card.ljust(80) for card in (b"SIMPLE  =                    T",
                                         b"BITPIX  =                    8",
                                         b"NAXIS   =                    T", b"END")).ljust(2880)
)])
def test_a_damaged_table_is_closed(tmp_path: Path, content: Callable[[Path], None]) -> None:
    content(tmp_path / "x_asn.fits")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(InputError, match=r"is truncated|cannot be read as FITS"):
            read_association(str(tmp_path / "x_asn.fits"))
        gc.collect()
    assert [w.message for w in caught if w.category is ResourceWarning] == []


def _product(*members: object) -> bytes:
    return json.dumps({"products": [{"members": members}]}).encode()


@pytest.mark.parametrize("content", [
    b"", b"\0", b"nonsense", b"[]", b"null", b"3", b'"products"', b"{}", b'{"products": null}',
    b'{"products": 1}', b'{"products": {"members": []}}', b'{"products": [[]]}',
    b'{"products": [{}]}', b'{"products": [{"members": null}]}',
    b'{"products": [{"members": "ab"}]}', b'{"products": [{"members": [null]}]}',
    _product({"expname": "a"}), _product({"exptype": "x"}),
    _product({"expname": None, "exptype": "science"}),
    _product({"expname": 1, "exptype": "science"}),
    _product({"expname": ["a_cal.fits"], "exptype": "science"}),
    _product({"expname": {"a_cal.fits": 1}, "exptype": "science"}),
    b"[" * 100_000, b'{"products": ' * 100_000, b'{"products": ' + b"9" * 5000 + b"}",
    b'{"products": [{"members": [', b"\xff\xfe\xff", b'{"products": "\xe9"}', _product()[:-1],
], ids=lambda content: repr(content)[:50])
def test_json_that_is_not_an_association_is_an_input_error(tmp_path: Path, content: bytes) -> None:
    touch(tmp_path, "a_cal.fits", "none_cal.fits", "1_cal.fits")
    path = tmp_path / "x_asn.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_association(str(path))
    assert str(caught.value).startswith(f"{path}: {NO_JWST}")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("content", [
    b'{"products": []}', b'{"products": [{"members": []}]}',
    _product({"expname": "a", "exptype": "psf"}), _product({"expname": "a", "exptype": None}),
])
def test_json_without_science_members_names_no_exposure(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x_asn.json").write_bytes(content)
    with pytest.raises(InputError, match=f"x_asn.json: {NO_EXPOSURE}"):
        read_association(str(tmp_path / "x_asn.json"))


def test_json_that_is_too_large_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_json(tmp_path / "x_asn.json", [("a", "science")])
    size = Path(path).stat().st_size
    monkeypatch.setattr(associations, "_LARGEST_TABLE", size)
    assert read_association(path) == ["a"]
    monkeypatch.setattr(associations, "_LARGEST_TABLE", size - 1)
    with pytest.raises(InputError, match="larger than 8 MiB"):
        read_association(path)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with exposures; the folder above has more, which no table may name."""
    folder = tmp_path_factory.mktemp("outside")
    touch(folder, "a_flt.fits", "secret_flt.fits", "secret")
    touch(folder / "night", "a_flt.fits", "b_cal.fits", "c_raw.fits.gz", "b", "none_flt.fits")
    touch(folder / "night" / "sub", "a_flt.fits")
    return folder / "night"


_PIECES = st.sampled_from([
    "a", "A", "b", "b_cal.fits", "c", "none", "secret", "..", "../", "/", "\\", "\0", "~", ".",
    "sub/", " ", "*", "?", "[a]", ",", "@", "%2e", "\n", "\xe9", "_flt", ".fits", "night",
])
_OUTSIDE = st.tuples(  # names of existing files, but for the folders before them
    st.sampled_from(["", "../", "sub/", "./", "../night/", "../night/../"]),
    st.sampled_from(["a", "A", "b", "secret", "a_flt.fits", "SECRET_FLT.FITS"]),
).map("".join)
_NAMES = _OUTSIDE | st.lists(_PIECES, max_size=4).map("".join)
_TYPES = st.sampled_from(["EXP-DTH", "exp_cr1", "EXP-BCK1", "PROD-DTH"])
_JWST_TYPES = st.sampled_from(["science", "SCIENCE", "psf"])
_ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | _NAMES
_VALUES = st.recursive(_ATOMS, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(
    st.sampled_from(["products", "members", "expname", "exptype"]), deeper, max_size=3,
), max_leaves=8)
_MEMBERS = st.fixed_dictionaries({"expname": _NAMES | _VALUES, "exptype": _JWST_TYPES | _VALUES})
_PRODUCTS = st.fixed_dictionaries({"members": st.lists(_MEMBERS, max_size=2) | _VALUES})
_DOCUMENTS = st.fixed_dictionaries({"products": st.lists(_PRODUCTS, min_size=1, max_size=2)})
_FUZZ = settings(max_examples=60)


def _stays_inside(table: Path) -> bool:
    """Whether a table is refused, or yields only files of its own folder and those below."""
    with contextlib.suppress(InputError):
        paths = expand_inputs([str(table)])
        assert paths == sorted(paths)
        for path in map(Path, paths):
            assert path.resolve(strict=True).is_relative_to(table.parent.resolve())
        return len(paths) > 0
    return True


@_FUZZ
@given(content=(_DOCUMENTS | _VALUES).map(json.dumps).map(str.encode)
       | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
       | st.binary(max_size=40))
def test_any_json_is_refused_or_yields_files_of_its_folder(night: Path, content: bytes) -> None:
    path = night / "x_asn.json"
    path.write_bytes(content)
    assert _stays_inside(path)


@_FUZZ
@given(rows=st.lists(st.tuples(_NAMES, _JWST_TYPES), min_size=1, max_size=2))
def test_no_member_of_a_jwst_association_is_outside_its_folder(night: Path, rows: Rows) -> None:
    write_json(night / "x_asn.json", rows)
    assert _stays_inside(night / "x_asn.json")


@_FUZZ
@given(rows=st.lists(st.tuples(_NAMES | st.binary(max_size=12), _TYPES | st.binary(max_size=8)),
                     min_size=1, max_size=3),
       present=st.none() | st.sampled_from(["T", "F", "", "yes", "\xff"]))
def test_no_member_of_a_table_is_outside_its_folder(
    night: Path, rows: Rows, present: str | None
) -> None:
    path = night / "x_asn.fits"
    there = present and [present.encode("latin-1")] * len(rows)
    write_table(path, rows, there or None, form="3A")
    assert _stays_inside(path)
