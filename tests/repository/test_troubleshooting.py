"""The README's table of messages has what the command prints."""

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.simulate.visit import simulate_visit
from tests.support.command import run
from tests.support.pages import README, section, table

ALL = "*_flt.fits"


def unchanged(_: list[str]) -> list[str]:
    return [ALL]


def no_exposure(_: list[str]) -> list[str]:
    return ["*_cal.fits"]


def both_kinds(paths: list[str]) -> list[str]:
    shutil.copy(paths[0], paths[0].replace("_flt", "_flc"))
    return ["*_fl?.fits"]


def truncated(paths: list[str]) -> list[str]:
    content = Path(paths[0]).read_bytes()
    Path(paths[0]).write_bytes(content[:20_000])
    return [ALL]


def add(image: Callable[[int, int], np.ndarray], paths: list[str]) -> None:
    for number, path in enumerate(paths):
        with fits.open(path, mode="update") as hdus:
            for hdu in hdus[1:]:
                if hdu.name == "SCI":
                    hdu.data = (hdu.data + image(number, hdu.data.size).reshape(hdu.data.shape)
                                ).astype(np.float32)


def slope(paths: list[str]) -> list[str]:
    add(lambda _, size: np.linspace(0.0, 400.0, size), paths)
    return [ALL]


def many_low(paths: list[str]) -> list[str]:
    add(lambda _, size: np.where(np.arange(size) % 40 == 0, -70.0, 0.0), paths)
    return [ALL]


def low_once(paths: list[str]) -> list[str]:
    add(lambda number, size: np.where(np.arange(size) % 150 == 7 * number, -70.0, 0.0), paths)
    return [ALL]


def too_many_votes(_: list[str]) -> list[str]:
    return [ALL, "--sky", "local", "--agree", "5"]


def subarrays(paths: list[str]) -> list[str]:
    fits.setval(paths[0], "LTV1", value=-100.0, ext=("SCI", 1))
    return [ALL]


PROVOKED: Mapping[str, Callable[[list[str]], list[str]]] = {
    "no file matches": no_exposure,
    "the same exposure twice": both_kinds,
    "is truncated": truncated,
    "the sky is not flat, and low pixels are overlooked": slope,
    "a crowded or nebular field? The mask may hold sources": many_low,
    "bad pixels would be low in the others too": low_once,
    "vote, so no pixel could be bad": too_many_votes,
    "its chips do not share a detector grid": subarrays,
}


def test_each_message_of_the_table_is_provoked_here() -> None:
    rows = table(section(README.text, "Troubleshooting"))
    assert [row[0].strip("`") for row in rows] == list(PROVOKED)
    for row in rows:
        for option in re.findall(r"`(--[^`]+)`", row[1]):
            assert option.split()[0] in run("create", "--help", code=0).stdout


@pytest.mark.parametrize("message", PROVOKED)
def test_a_message_is_printed_when_there_is_reason_and_not_before(
    message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = simulate_visit(".", "WFC3/IR", shape=(90, 120)).paths
    assert message not in run(*unchanged([]), "-o", "before").stderr
    words = PROVOKED[message](list(paths))
    assert message in run(*words, "-o", "after").stderr
