"""The files that the words of a user name, found without reading what the run itself is to read."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.exposures.named_files import named_files


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["a.fits"], "a.fits"),
        (["a.fits, b.fits"], "a.fits b.fits"),
        (["*.fits"], "a.fits b.fits"),
        (["@top.lst"], "top.lst a.fits lists/deep.lst lists/c.fits"),
        (["x_asn.json"], "x_asn.json"),
        (["ACSWFC_60x80_1=bad.reg"], "bad.reg"),
        (["s3://bucket/a.fits", "@https://a.org/top.lst", "@-", "nowhere.fits", "nul\0", ""], ""),
        (["@pipe", "pipe", "."], ""),
    ],
)
def test_lists_associations_and_exposures_are_found(
    words: list[str], expected: str, folder: Path
) -> None:
    (folder / "lists").mkdir()
    for name in ("a.fits", "b.fits", "x_asn.json", "bad.reg", "lists/c.fits"):
        (folder / name).touch()
    Path("top.lst").write_text("# a list\na.fits  second column\n@lists/deep.lst\n")
    Path("lists/deep.lst").write_text("c.fits\n@../top.lst\ns3://bucket/b.fits\n")
    os.mkfifo("pipe")
    assert named_files(words) == {str(folder / name) for name in expected.split()}


def test_home_and_variables_are_expanded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "visit.lst").touch()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("NIGHT", str(folder))
    for word in ("~/visit.lst", "@$NIGHT/visit.lst"):
        assert named_files([word]) == {str(folder / "visit.lst")}


@given(st.lists(st.text(max_size=20), max_size=3))
def test_any_words_name_files_or_nothing(words: list[str]) -> None:
    assert all(os.path.isfile(path) for path in named_files(words))
