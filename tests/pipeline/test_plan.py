"""The plan: which masks of which chips, from headers alone, and what is refused before any work."""

import bz2
import gzip
import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import Parameters, create_masks
from staticmask_cli.errors import ConfigError, ExposureError, OutputError
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.plan import MaskPlan, plan_masks
from staticmask_cli.simulate.visit import Visit
from tests.support.exposures import WriteExposure, digest, sky

MASK = "ACSWFC_60x80_1_staticMask.fits"


def planned(*paths: str | Path, output_dir: Path | str = "out", **given: Any) -> list[MaskPlan]:  # noqa: ANN401
    words = [str(path) for path in paths]
    parameters = Parameters.load(None, {"input": words, **given})
    return plan_masks(parameters, output_dir=str(output_dir))


def test_a_plan_reads_headers_and_writes_nothing(visit: Visit, tmp_path: Path) -> None:
    before = [digest(Path(path)) for path in visit.paths]
    plans = planned(*visit.paths[::-1], output_dir=tmp_path / "out", final_bits="HOT")
    assert [plan.path for plan in plans] == [
        str(tmp_path / "out" / f"ACSWFC_150x220_{number}_staticMask.fits") for number in (1, 2)
    ]
    for number, plan in enumerate(plans, 1):
        assert plan.signature == ("ACSWFC", (150, 220), number)
        assert [(chip.label.file, chip.label.extver) for chip in plan.chips] == [
            (path, number) for path in sorted(visit.paths)
        ]
        assert plan.good_bits == 16
    assert not list(tmp_path.iterdir())
    assert [digest(Path(path)) for path in visit.paths] == before


def test_a_plan_costs_no_memory_for_pixels(tmp_path: Path) -> None:
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC"})
    science = fits.ImageHDU(np.zeros((2, 3), np.float32), name="SCI")
    path = tmp_path / "a_flt.fits"
    fits.HDUList([fits.PrimaryHDU(header=header), science]).writeto(path)
    start = path.read_bytes()[:5760]
    for old, new in ((b"NAXIS1  =                    3", b"NAXIS1  =                 4096"),
                     (b"NAXIS2  =                    2", b"NAXIS2  =                 2048")):
        assert old in start
        start = start.replace(old, new)
    path.write_bytes(start)
    os.truncate(path, 5760 + 11651 * 2880)  # sparse: nothing but zeros
    planned(path)  # what is loaded and kept once
    tracemalloc.start()
    (plan,) = planned(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert plan.signature.shape == (2048, 4096)
    assert peak < 2**20


def test_masks_are_sorted_by_name_and_paths_are_as_the_user_gave_them(
    write_exposure: WriteExposure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, camera in {"a": "WFC3", "b": "ACS", "c": "STIS"}.items():
        write_exposure(f"{name}_flt.fits", instrume=camera, detector="CCD")
    plans = planned("./c_flt.fits", "a_flt.fits", "b_flt.fits", output_dir=".")
    assert [plan.path for plan in plans] == [
        f"{name}_60x80_1_staticMask.fits" for name in ("ACSCCD", "STISCCD", "WFC3CCD")
    ]
    assert [plan.chips[0].path for plan in plans] == ["b_flt.fits", "./c_flt.fits", "a_flt.fits"]


@pytest.mark.parametrize(
    ("final_bits", "expected"),
    [
        (None, [None, None]), ("0", [0, 0]), ("64,32", [96, 96]), ("~4096", [~4096, ~4096]),
        ("HOT", [16, 16]), ("SATURATED,DATALOST", [258, 258]), ("~WARMPIX", [~64, ~64]),
        ("DATAMASKED", [8, 8]),
    ],
)
def test_final_bits_are_worked_out_for_each_instrument(
    final_bits: str | None, expected: list[int | None], write_exposure: WriteExposure
) -> None:
    paths = [write_exposure("a_flt.fits"),
             write_exposure("b_flt.fits", instrume="WFC3", detector="UVIS")]
    assert [plan.good_bits for plan in planned(*paths, final_bits=final_bits)] == expected


@pytest.mark.parametrize(
    ("instrume", "known"),
    [("ACS", r"flags of ACS: .*WARMPIX \(64\)"), ("MOSAIC3", "flags of MOSAIC3: none")],
)
def test_an_unknown_flag_is_an_error_that_lists_the_known_ones(
    instrume: str, known: str, write_exposure: WriteExposure
) -> None:
    path = write_exposure(instrume=instrume)
    with pytest.raises(ConfigError, match=rf"final_bits = LUKEWARM: expected .*; {known}"):
        planned(path, final_bits="LUKEWARM")


def test_an_input_is_never_overwritten_by_its_mask(
    write_exposure: WriteExposure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_exposure(MASK)
    before = digest(path)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, ".", "./.", "link", "link/../."):
        for overwrite in (False, True):
            with pytest.raises(OutputError, match=f"{MASK}: this mask would take the place of the"):
                create_masks(path, output_dir=folder, overwrite=overwrite)
    assert digest(path) == before


def test_an_input_that_links_to_the_place_of_its_mask_is_not_overwritten(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path, link = write_exposure(MASK), tmp_path / "a_flt.fits"
    link.symlink_to(path)
    with pytest.raises(OutputError, match=r"take the place of the input .*a_flt\.fits"):
        planned(link, output_dir=tmp_path)


@pytest.mark.parametrize("other", ["A/CS", "AC S", "A_CS", "acs"])
def test_masks_whose_names_collide_are_refused(other: str, write_exposure: WriteExposure) -> None:
    paths = [write_exposure("a_flt.fits"), write_exposure("b_flt.fits", instrume=other)]
    with pytest.raises(OutputError, match="this mask would take the place of the mask of"):
        planned(*paths)


def test_files_that_are_set_aside_do_not_count_for_the_grid_and_are_told(
    write_exposure: WriteExposure, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [
        write_exposure(f"{name}_flt.fits", EXPTIME=exptime, chips=[{"data": sky(), "LTV1": ltv1}])
        for name, exptime, ltv1 in (("a", 9.0, 0.0), ("b", 0.0, -50.0), ("c", 9.0, 0.0))
    ]
    (plan,) = planned(*paths)
    assert [chip.skip_reason for chip in plan.chips] == ["", "EXPTIME = 0", ""]
    assert [(record.name, record.getMessage()) for record in caplog.records] == [
        ("staticmask_cli.exposures.problems", f"{paths[1]}[SCI,1]: set aside: EXPTIME = 0")
    ]
    with pytest.raises(ExposureError, match="all exposures were set aside"):
        planned(paths[1])


def test_a_file_that_ends_between_two_extensions_is_told(
    write_exposure: WriteExposure, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_exposure(chips=[{"data": sky(seed=n)} for n in (1, 2)], NEXTEND=2)
    planned(path)
    assert not caplog.records
    with fits.open(path) as hdus:
        end = hdus[2].fileinfo()["hdrLoc"]
    path.write_bytes(path.read_bytes()[:end])
    assert len(planned(path)) == 1
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: NEXTEND = 2 in its header, but it has 1 extensions: was it truncated?"
    ]


@pytest.mark.parametrize("packed", [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress)])
@pytest.mark.parametrize("left", [0, 1, 500])
@pytest.mark.parametrize("keyword", ["FILTER1", "HIERARCH a b"])  # the second is left to astropy
def test_a_file_that_ends_within_its_last_block_is_told(
    keyword: str, left: int, packed: tuple[str, Callable[[bytes], bytes]],
    write_exposure: WriteExposure, caplog: pytest.LogCaptureFixture,
) -> None:
    ending, compress = packed
    path = write_exposure(chips=[{"data": sky(), "dq": np.ones((60, 80), np.int16), keyword: 1}])
    with fits.open(path) as hdus:
        end = hdus["SCI"].fileinfo()["datLoc"] + 60 * 80 * 4 + left
    short = path.with_name(f"cut_flt.fits{ending}")
    short.write_bytes(compress(path.read_bytes()[:end]))
    with astropy_silenced():
        (plan,) = planned(short, final_bits=0)
    assert plan.chips[0].dq is None
    (record,) = caplog.records
    expected = f"{short}: ends within the last block of SCI, whose pixels are all there: was it "
    assert record.getMessage().startswith(expected)
    caplog.clear()
    planned(path, final_bits=0)
    assert not caplog.records


def test_a_compressed_image_that_ends_within_its_last_block_is_told(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    path = tmp_path / "a.fits.fz"
    image = fits.CompImageHDU(sky().astype(np.int16), fits.Header({"INSTRUME": "CAM"}), name="SCI")
    fits.HDUList([fits.PrimaryHDU(), image]).writeto(path)
    content = path.read_bytes()
    assert not content.endswith(b"\0" * 2880)
    path.write_bytes(content.rstrip(b"\0") + b"\0")
    with astropy_silenced():
        assert len(planned(path)) == 1
    assert "ends within the last block of SCI" in caplog.text


def test_a_chip_with_and_one_without_grid_keywords_do_not_share_a_grid(
    write_exposure: WriteExposure,
) -> None:
    paths = [
        write_exposure("a_flt.fits", chips=[{"data": sky(), "LTV1": -8.0}]),
        write_exposure("b_flt.fits"), write_exposure("c_flt.fits"),
    ]
    with pytest.raises(ExposureError) as caught:
        planned(*paths)
    assert str(caught.value).splitlines()[1:] == [
        f"  LTV1 = -8: {paths[0]}[SCI,1]",
        f"  no grid keywords: {paths[1]}[SCI,1], {paths[2]}[SCI,1]",
    ]


SECTION = "[1:80,1:60]"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"CCDSEC": SECTION}, {"CCDSEC": "[81:160,1:60]"}), ({"DETSEC": SECTION}, {}),
        ({"DATASEC": SECTION}, {"DATASEC": "[2:81,1:60]"}),
        ({"CCDSUM": "1 1"}, {"CCDSUM": "2 2"}), ({"XBINNING": 1}, {"XBINNING": 2}),
        ({"YBINNING": 1}, {"YBINNING": 2}), ({"XORGSUBF": 0}, {"XORGSUBF": 100}),
        ({"YORGSUBF": 0}, {"YORGSUBF": 100}),
    ],
    ids=" ".join,
)
def test_the_position_of_a_chip_of_the_ground_is_part_of_its_grid(
    first: dict[str, Any], second: dict[str, Any], write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [
        write_exposure(name, instrume="CAM", chips=[{"data": sky(seed=seed), **keywords}])
        for seed, (name, keywords) in enumerate([("a.fits", first), ("b.fits", second),
                                                 ("c.fits", first)])
    ]
    (key, value), = first.items()
    with pytest.raises(ExposureError, match=rf"  {key} = {re.escape(str(value))}: .*a\.fits"):
        planned(*paths)
    (mask,) = create_masks([paths[0], paths[2]], output_dir=tmp_path / "out")
    assert len(mask.used) == 2
    assert StaticMask.read(str(mask.path)).grid == {key: value}
    with pytest.raises(OutputError, match=f"{key} = "):
        create_masks(paths[1], output_dir=tmp_path / "out", update=True)


def test_blanks_in_a_section_of_the_detector_mean_nothing(write_exposure: WriteExposure) -> None:
    sections = ("[1:80,1:60]", "[   1:  80,   1:  60]"), ("2 2", " 2   2")
    paths = [
        write_exposure(f"{n}.fits", chips=[{"data": sky(), "DETSEC": detsec, "CCDSUM": ccdsum}])
        for n, (detsec, ccdsum) in enumerate(zip(*sections, strict=True))
    ]
    (plan,) = planned(*paths)
    assert [chip.grid for chip in plan.chips] == [{"DETSEC": "[1:80,1:60]", "CCDSUM": "2 2"}] * 2
