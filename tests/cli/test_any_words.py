"""Any list of words ends with a result, or with an error that fits on a screen."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.cli import cli
from tests.support.exposures import WriteExposure
from tests.support.fuzzing import inputs

LONGEST_MESSAGE = 2000
# --scheduler and --edit would wait for others, and demo makes exposures.
WORDS = st.sampled_from([
    "create", "plan", "inspect", "apply", "export", "config", "help", "creat", "-h", "-V",
    "--static-sig", "--sky", "--agree", "--final-bits", "--group", "--name", "--include",
    "--include-bad", "--high", "--least-depth", "--suffix", "--update", "--checkpoint",
    "--overwrite", "--keep-going", "-q", "-v", "-j", "--json", "--make", "--as", "--grow", "--to",
    "--dq-bit", "--apply-to", "--instrument", "--sci-ext", "--dq-ext", "-o", "-c", "--", "-", "@-",
    "@list", "a_flt.fits", "*flt.fits", "**/*", "~", "~nobody/x", "$NOPE/x", "$HOME", "out",
    "a_flt.fits[sci,1]", "a_flt.fits,b_flt.fits", "local", "joint", "any", "2", "0.5", "-1",
    "1e999", "nan", "", " ", "0", "None", "HOTPIX", "{signature}_{filter}", "../{visit}", "dq",
    "regions",
]) | st.text(st.characters(exclude_characters="\0/", exclude_categories=["Cs"]), max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


@inputs(0.4)
@given(words=st.lists(WORDS, max_size=7))
def test_any_words_end_with_a_result_or_a_short_error(
    words: list[str], folder: Path, write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    if not (folder / "a_flt.fits").exists():
        Path(write_exposure()).rename(folder / "a_flt.fits")
    result = CliRunner().invoke(cli, words, input="")
    assert result.exception is None or isinstance(result.exception, SystemExit), words
    assert result.exit_code in (0, 1, 2), words
    if result.exit_code:
        assert 0 < len(result.stderr) <= LONGEST_MESSAGE + sum(map(len, words)), words
