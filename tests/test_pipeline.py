"""From inputs to masks: what is combined, what is refused, what is said."""

import re
import tracemalloc
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import Parameters, StaticMask, create_masks
from staticmask_cli.errors import ConfigError, ExposureError, OutputError
from staticmask_cli.plan import plan_masks
from staticmask_cli.simulate import Visit
from tests.conftest import WriteExposure, digest, sky
from tests.oracle import oracle_mask


def test_four_exposures_make_exactly_two_masks_each_the_and_over_all(
    visit: Visit, tmp_path: Path
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    names = ["ACSWFC_150x220_1_staticMask.fits", "ACSWFC_150x220_2_staticMask.fits"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for extver, mask in enumerate(masks, 1):
        chips = [fits.getdata(path, ("SCI", extver)) for path in visit.paths]
        np.testing.assert_array_equal(fits.getdata(tmp_path / names[extver - 1]),
                                      oracle_mask(chips))
        assert [member.label.file for member in mask.members] == sorted(visit.paths)
        alone = [np.count_nonzero(oracle_mask([chip]) == 0) for chip in chips]
        assert [member.below for member in mask.members] == alone
        assert StaticMask.read(str(mask.path)).members == mask.members


@pytest.mark.parametrize("how", ["one", "three", "threads", "processes", "backwards"])
def test_the_bytes_do_not_depend_on_who_does_the_work_or_in_what_order(
    how: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    pools: dict[str, AbstractContextManager[Executor | None]] = {
        "threads": ThreadPoolExecutor(2),
        "processes": ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    }
    paths = visit.paths[::-1] if how == "backwards" else visit.paths
    expected = create_masks(visit.paths, final_bits=0, output_dir=tmp_path / "a", jobs=2)
    jobs = {"one": 1, "three": 3}.get(how)
    with pools.get(how, nullcontext()) as executor:
        masks = create_masks(
            paths, final_bits=0, output_dir=tmp_path / "b", jobs=jobs, executor=executor
        )
    assert [digest(Path(str(m.path))) for m in masks] == [
        digest(Path(str(m.path))) for m in expected
    ]


def test_a_chip_that_cannot_be_clipped_is_set_aside_with_its_dq(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = write_exposure("good_flt.fits")
    flags = np.full((60, 80), 4, np.int16)
    flat = write_exposure("flat_flt.fits", chips=[{"data": np.full((60, 80), 3.0), "dq": flags}])
    (mask,) = create_masks([good, flat], final_bits=0, output_dir=tmp_path)
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()]))
    assert f"{flat}[SCI,1]: set aside: its pixels fill fewer than two" in caplog.text
    with pytest.raises(ExposureError, match=r"none of its 1 chips could be used: .*flat_flt\.fits"):
        create_masks(flat, output_dir=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def crowded() -> Any:  # noqa: ANN401
    """Noise with a long lower tail, so that more than 1% lie below 3 rms."""
    chip = sky((90, 120), noise=2.0)
    chip[::7, ::3] -= 60.0
    return chip


def nebular() -> Any:  # noqa: ANN401
    """Half of the chip on a broad pedestal, so that mode and median part."""
    chip = sky((90, 120), noise=5.0)
    rng = np.random.default_rng(3)
    chip[:, 45:] += rng.uniform(0.0, 60.0, (90, 75)).astype(np.float32)
    return chip


@pytest.mark.parametrize(
    ("chip", "static_sig", "words"),
    [
        (crowded(), 0.5, r"\[SCI,1\]: \d+\.\d% of the pixels lie below the threshold .*sources"),
        (nebular(), 4.0, r"\[SCI,1\]: mode .* and median .* are \d\.\d\d rms apart; .*sources"),
    ],
)
def test_where_a_mask_would_lie_it_says_so_with_the_figure(
    chip: Any, static_sig: float, words: str, write_exposure: WriteExposure,  # noqa: ANN401
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_exposure(chips=[{"data": chip}])
    create_masks(path, static_sig=static_sig, output_dir=path.parent)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert record.getMessage().startswith(str(path))
    assert re.search(words, record.getMessage())


def test_a_plain_sky_is_not_doubted(visit: Visit, tmp_path: Path,
                                    caplog: pytest.LogCaptureFixture) -> None:
    create_masks(visit.paths, final_bits=0, output_dir=tmp_path)
    assert caplog.text == ""


def test_dq_that_removes_much_is_doubted_with_its_bits(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = np.zeros((60, 80), np.int16)
    flags[:9] = -32768
    path = write_exposure(chips=[{"data": sky(), "dq": flags}])
    (mask,) = create_masks(path, final_bits=0, output_dir=tmp_path)
    assert mask.members[0].flagged == 720
    assert "DQ removes 15.0% of the pixels (added by bit: 32768: 7" in caplog.text


def test_flag_names_are_those_of_each_instrument(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    flags = np.zeros((60, 80), np.int16)
    flags[1, 1], flags[2, 2] = 1024, 16
    chips = [{"data": sky(), "dq": flags}]
    acs = write_exposure("a_flt.fits", chips=chips)
    infrared = write_exposure("i_flt.fits", chips=chips, instrume="WFC3", detector="IR")
    (mask,) = create_masks(infrared, final_bits="SPIKE", output_dir=tmp_path)
    assert mask.flagged is not None
    assert np.argwhere(mask.flagged).tolist() == [[2, 2]]
    with pytest.raises(ConfigError, match=r"final_bits = SPIKE: .*; flags of ACS: .*TRAP \(1024\)"):
        create_masks([infrared, acs], final_bits="SPIKE", output_dir=tmp_path)


def test_masks_never_take_the_place_of_an_input_or_of_each_other(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure("ACSWFC_60x80_1_staticMask.fits")
    before = digest(path)
    with pytest.raises(OutputError, match="would take the place of the input"):
        create_masks(path, output_dir=tmp_path)
    assert digest(path) == before
    pair = [write_exposure("a_flt.fits"), write_exposure("b_flt.fits", instrume="A/CS")]
    with pytest.raises(OutputError, match="would take the place of the mask of"):
        create_masks(pair, output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_cannot_be_made_is_an_error(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="file/out: cannot create the output folder: Not a dir"):
        create_masks(write_exposure(), output_dir=tmp_path / "file" / "out")


def test_progress_counts_every_chip(visit: Visit, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    create_masks(visit.paths, output_dir=tmp_path, progress=lambda *now: told.append(now))
    assert told == [(done, 8) for done in range(9)]


def test_a_plan_reads_headers_and_writes_nothing(visit: Visit, tmp_path: Path) -> None:
    parameters = Parameters.load(None, {"input": list(visit.paths), "final_bits": "HOT"})
    plans = plan_masks(parameters, output_dir=str(tmp_path / "out"))
    assert [Path(plan.path).name[:16] for plan in plans] == ["ACSWFC_150x220_1", "ACSWFC_150x220_2"]
    assert [len(plan.chips) for plan in plans] == [4, 4]
    assert [plan.good_bits for plan in plans] == [16, 16]
    assert not (tmp_path / "out").exists()


def test_memory_does_not_grow_with_the_number_of_exposures(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [write_exposure(f"{n}_flt.fits", chips=[{"data": sky((300, 500), seed=n)}])
             for n in range(12)]
    create_masks(paths[:2], output_dir=tmp_path)  # what is loaded and kept once
    peaks = []
    for count in (3, 12):
        tracemalloc.start()
        create_masks(paths[:count], output_dir=tmp_path, jobs=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
