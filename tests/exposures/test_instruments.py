"""The table of instruments agrees with the documents of STScI."""

from collections.abc import Mapping

import pytest

from staticmask_cli.exposures.instruments import instrument_of

DETECTORS = {
    "ACS": ("WFC", "HRC", "SBC"), "WFC3": ("UVIS", "IR"), "WFPC2": ("1", "2", "3", "4"),
    "STIS": ("CCD", "FUV-MAMA", "NUV-MAMA"), "NICMOS": ("1", "2", "3"),
    "NIRCAM": ("NRCA1", "NRCBLONG"), "NIRISS": ("NIS",), "NIRSPEC": ("NRS1",),
    "MIRI": ("MIRIMAGE",), "FGS": ("GUIDER1",),
}
PAIRS = [(name, detector) for name, detectors in DETECTORS.items() for detector in detectors]


@pytest.mark.parametrize(
    ("name", "detector", "flags"),
    [
        ("ACS", "WFC", {"LOST": 1, "HOT": 16, "HOTPIX": 16, "UNSTABLE": 32, "WARM": 64,
                        "WARMPIX": 64, "BADCOL": 128, "SATURATED": 256, "BADREF": 512,
                        "TRAP": 1024, "ATODSAT": 2048, "CRDRIZ": 4096, "CRREJ": 8192,
                        "USER": 16384}),
        ("WFC3", "UVIS", {"DATAMASKED": 8, "HOTPIX": 16, "CTETAIL": 32, "WARM": 64,
                          "BADFLAT": 512, "TRAP": 1024, "ATODSAT": 2048, "CR": 4096}),
        ("WFC3", "IR", {"BADZERO": 8, "UNSTABLE": 32, "BADBIAS": 128, "BADFLAT": 512,
                        "SPIKE": 1024, "ZEROSIG": 2048, "HIGH_CURVATURE": 16384}),
        ("WFPC2", "1", {"ATODSAT": 8, "CHARGETRAP": 128, "WARM": 512, "REPAIREDWARM": 1024,
                        "CR": 4096}),
        ("STIS", "CCD", {"HOTPIX": 16, "LARGEBLEM": 32, "OVERSCAN": 128, "CALIBDEFECT": 512,
                         "SMALLBLEM": 1024, "X1D_DISCARDED": 4096, "DATAREJECT": 8192}),
        ("NICMOS", "2", {"REED_SOL": 1, "GROT": 16, "SATURATED": 64, "BADPIX": 256,
                         "CR_HIT": 512, "SOURCE": 1024, "RESERVED2": 32768}),
        ("NIRCAM", "NRCA1", {"DO_NOT_USE": 1, "SATURATED": 2, "JUMP_DET": 4, "NON_SCIENCE": 512,
                             "DEAD": 1 << 10, "HOT": 1 << 11, "WARM": 1 << 12,
                             "OPEN": 1 << 26, "REFERENCE_PIXEL": 1 << 31}),
    ],
)
def test_flags_are_those_of_the_pipelines(
    name: str, detector: str, flags: Mapping[str, int]
) -> None:
    known = instrument_of(name).flags_of(detector)
    assert {flag: known.get(flag) for flag in flags} == flags


@pytest.mark.parametrize(
    ("name", "detector", "absent"),
    [
        ("WFC3", "UVIS", ("SPIKE", "BADZERO", "DO_NOT_USE")), ("WFC3", "IR", ("TRAP", "CTETAIL")),
        ("STIS", "CCD", ("WARM",)), ("NICMOS", "1", ("HOT", "WARM")),
        ("MIRI", "MIRIMAGE", ("TRAP",)),
    ],
)
def test_a_detector_has_only_its_own_flags(
    name: str, detector: str, absent: tuple[str, ...]
) -> None:
    assert not set(absent) & set(instrument_of(name).flags_of(detector))


@pytest.mark.parametrize(("name", "detector"), PAIRS, ids="/".join)
def test_every_flag_is_one_bit_of_the_dq_array(name: str, detector: str) -> None:
    flags = instrument_of(name).flags_of(detector)
    width = 32 if name in ("NIRCAM", "NIRISS", "NIRSPEC", "MIRI", "FGS") else 16
    assert len(flags) >= 10
    assert all(bit.bit_count() == 1 and bit < 1 << width for bit in flags.values())
    assert all(flag.isidentifier() and flag == flag.upper() for flag in flags)


@pytest.mark.parametrize(
    ("name", "detector_key", "number_key", "exptime_key"),
    [
        ("ACS", "DETECTOR", "EXTVER", "EXPTIME"),
        ("WFC3", "DETECTOR", "EXTVER", "EXPTIME"),
        ("WFPC2", "DETECTOR", "EXTVER", "EXPTIME"),
        ("STIS", "DETECTOR", "CCDCHIP", "EXPTIME"),
        ("NICMOS", "CAMERA", "CAMERA", "EXPTIME"),
        ("NIRCAM", "DETECTOR", "EXTVER", "EFFEXPTM"),
        ("MOSAIC3", "DETECTOR", "EXTVER", "EXPTIME"),
    ],
)
def test_names_and_exposure_times_of_chips_come_from_these_keywords(
    name: str, detector_key: str, number_key: str, exptime_key: str
) -> None:
    row = instrument_of(name)
    assert (row.detector_key, row.number_key) == (detector_key, number_key)
    assert row.exptime_key == exptime_key


def test_wfpc2_names_its_chips_and_has_its_dq_in_a_companion_file() -> None:
    row = instrument_of("WFPC2")
    assert dict(row.detector_names) == {"1": "PC", "2": "WF2", "3": "WF3", "4": "WF4"}
    assert "u9_c0m.fits".replace(*next(iter(row.dq_companion.items()))) == "u9_c1m.fits"
    assert row.dq_companion["_c0f."] == "_c1f."


def test_only_stis_spectra_are_set_aside_by_a_keyword() -> None:
    others = [instrument_of(name) for name in DETECTORS if name != "STIS"]
    assert not any(row.skipped_if for row in others)
    assert instrument_of("STIS").skipped_if == {"OBSTYPE": "SPECTROSCOPIC"}


@pytest.mark.parametrize("name", ["", "MOSAIC3", "acs2", "ACS "])
def test_a_camera_that_is_not_in_the_table_has_no_flags(name: str) -> None:
    assert not instrument_of(name).flags_of("WFC")


def test_the_name_of_an_instrument_may_have_any_case() -> None:
    assert instrument_of("acs") is instrument_of("ACS")
