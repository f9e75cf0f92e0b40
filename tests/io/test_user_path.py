"""Paths of users: ``~`` and ``$VAR`` are expanded, whatever stands for nothing stays."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.io.user_path import matching_files, output_path, user_path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/h/me")
    monkeypatch.setenv("NIGHT", "n1")
    monkeypatch.delenv("GONE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("path", "expected"), [
    ("~", "/h/me"), ("~/x", "/h/me/x"), (Path("~/x"), "/h/me/x"), ("$HOME/x", "/h/me/x"),
    ("~/$NIGHT/${NIGHT}.fits", "/h/me/n1/n1.fits"), ("a~/x", "a~/x"), ("./~", "./~"),
    ("~no-such-user/x", "~no-such-user/x"), ("$GONE/x", "$GONE/x"), ("~\0", "~\0"),
    ("~\ud800", "~\ud800"), ("s3://$NIGHT/~", "s3://$NIGHT/~"), ("", ""), ("$", "$"),
    ("https://x.org/a?key=$NIGHT", "https://x.org/a"),
])
def test_a_path_is_expanded_as_in_a_shell(path: str | Path, expected: str) -> None:
    assert user_path(path) == expected


def test_a_folder_that_is_called_like_the_home_is_not_meant(tmp_path: Path) -> None:
    (tmp_path / "~").mkdir()
    assert user_path("~/x") == output_path("~/x") == "/h/me/x"


def test_a_file_whose_name_has_a_dollar_is_meant(tmp_path: Path) -> None:
    (tmp_path / "$NIGHT").touch()
    assert user_path("$NIGHT") == output_path("$NIGHT") == "$NIGHT"


@pytest.mark.parametrize("path", ["$GONE", "$GONE/x", "a/${GONE}/x", "~/$GONE"])
def test_a_result_is_not_written_to_a_folder_of_the_name_of_a_variable(path: str) -> None:
    with pytest.raises(ConfigError, match="the environment variable GONE is not set"):
        output_path(path)


@pytest.mark.parametrize("path", ["cost$5.json", "a$GONE", "s3://b/$GONE"])
def test_other_dollars_may_be_part_of_the_name_of_a_result(path: str) -> None:
    assert output_path(path) == path


@given(st.text())
def test_any_text_is_a_path(text: str) -> None:
    assert isinstance(user_path(text), str)


def test_files_keep_the_order_of_the_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("b.fits", "a.fits", "new/c.fits", "x[1].fits"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    words = ["new/*.fits", "~/?.fits", "gone.fits", "x[1].fits"]
    assert matching_files(words) == [
        "new/c.fits", f"{tmp_path}/a.fits", f"{tmp_path}/b.fits", "gone.fits", "x[1].fits"]
    with pytest.raises(InputError, match=r"y\*.fits: no file matches"):
        matching_files(["y*.fits"])
