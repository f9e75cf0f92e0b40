"""Test the inspection of masks on disk that staticmask and drizzlepac wrote."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli import Parameters, StaticMask, create_masks
from staticmask_cli.errors import InputError
from staticmask_cli.masks.members import ChipLabel, Member
from staticmask_cli.masks.signature import Signature
from staticmask_cli.pipeline.dry_run import dry_run_of, plan_run
from staticmask_cli.reports import run_report
from staticmask_cli.reports.inspection import Inspection, inspect_masks
from staticmask_cli.reports.run_report import as_json, json_pieces
from staticmask_cli.simulate.visit import Visit
from staticmask_cli.terminal.inspections import show_inspections
from tests.support.documents import checked
from tests.support.exposures import WriteExposure, digest, sky


@pytest.fixture
def masks(visit: Visit, tmp_path: Path) -> list[StaticMask]:
    """Return the masks of the visit, with DQ."""
    return create_masks(visit.paths, final_bits="256", static_sig=4.5, output_dir=tmp_path)


def path_of(mask: StaticMask) -> str:
    assert mask.path is not None
    return mask.path


def inspected(path: str | os.PathLike[str]) -> Inspection:
    (inspection,) = inspect_masks([os.fspath(path)]).masks
    return inspection


def reference_mask(path: Path, bad: "np.typing.NDArray[np.bool_]") -> Path:
    """Write a mask as drizzlepac does, with an int16 image and nothing else."""
    fits.PrimaryHDU((~bad).astype(np.int16)).writeto(path)
    return path


def test_the_inspection_of_a_mask_has_the_values_that_were_written(masks: list[StaticMask]) -> None:
    for mask in masks:
        before = digest(Path(path_of(mask)))
        inspection = inspected(path_of(mask))
        assert (inspection.detector, inspection.shape, inspection.number) == mask.signature
        assert (inspection.static_sig, inspection.final_bits) == (4.5, "256")
        assert inspection.facts == mask.facts
        assert inspection.bad == mask.nbad == sum(group.pixels for group in inspection.layout.sizes)
        assert inspection.fraction == mask.nbad / (150 * 220)
        assert inspection.program is not None
        assert inspection.program.startswith("staticmask ")
        assert inspection.checksum == "right"
        assert inspection.members is not None
        assert [row["mode"] for row in inspection.members] == [m.mode for m in mask.members]
        assert [row["dqbits"] for row in inspection.members] == [
            m.added_by_bit for m in mask.members
        ]
        assert digest(Path(path_of(mask))) == before


def test_a_mask_of_drizzlepac_is_inspected_too(tmp_path: Path) -> None:
    bad = np.random.default_rng(5).random((30, 44)) < 0.02
    inspection = inspected(reference_mask(tmp_path / "x_30x44_1_staticMask.fits", bad))
    assert (inspection.bad, inspection.shape) == (bad.sum(), (30, 44))
    assert inspection.checksum == "none"
    unknown = (inspection.program, inspection.date, inspection.detector, inspection.number,
               inspection.static_sig, inspection.final_bits, inspection.members)
    assert unknown == (None,) * 7


@pytest.mark.parametrize("keyword", ["NCOMBINE", "DATASUM"])
def test_a_changed_header_has_a_wrong_checksum(
    masks: list[StaticMask], keyword: str
) -> None:
    path = Path(path_of(masks[0]))
    content = path.read_bytes()
    start = content.index(keyword.encode()) + 12
    path.write_bytes(content[:start] + b"7x" + content[start + 2 :])
    if keyword == "NCOMBINE":
        path.write_bytes(content.replace(b"NCOMBINE=                    4",
                                         b"NCOMBINE=                    5"))
    assert inspected(path).checksum == "wrong"


def test_a_changed_pixel_or_member_has_a_wrong_checksum(
    masks: list[StaticMask]
) -> None:
    content = Path(path_of(masks[0])).read_bytes()
    path = Path(path_of(masks[0]))
    table = content.index(b"XTENSION")
    good = content.index(b"\x00\x01", 5760)
    path.write_bytes(content[:good] + b"\x00\x00" + content[good + 2 :])
    assert inspected(path).checksum == "wrong"
    rootname = content.index(b"jsim", table + 2880)
    path.write_bytes(content[:rootname] + b"k" + content[rootname + 1 :])
    assert inspected(path).checksum == "wrong"
    path.write_bytes(content)
    assert inspected(path).checksum == "right"


def test_an_exposure_with_outliers_is_marked(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [
        write_exposure(f"{name}_flt.fits", chips=[{"data": sky(seed=seed, level=level)}])
        for seed, (name, level) in enumerate([("a", 100.0), ("b", 100.5), ("c", 180.0),
                                              ("d", 99.8), ("e", 100.2)])
    ]
    noisy = sky(seed=9, noise=9.0)
    noisy[5:9, 5:15] = -500.0
    paths.append(write_exposure("f_flt.fits", chips=[{"data": noisy}]))
    constant = write_exposure("g_flt.fits", chips=[{"data": np.ones_like(noisy)}])
    (mask,) = create_masks([*paths, constant], output_dir=tmp_path)
    rows = inspected(path_of(mask)).members
    assert rows is not None
    apart = {row["rootname"]: set(row["apart"]) for row in rows}
    assert apart == {"a": set(), "b": set(), "c": {"mode"}, "d": set(), "e": set(),
                     "f": {"rms", "nbelow"}, "g": set()}
    assert rows[2]["apart"]["mode"] > 10
    assert not rows[6]["used"]
    assert "histogram" in rows[6]["whynot"]


def test_two_masks_of_a_chip_are_compared(masks: list[StaticMask], tmp_path: Path) -> None:
    other = masks[0].bad.copy()
    other[40, 10:60] = True
    other[masks[0].bad.nonzero()[0][0]] = False
    reference = reference_mask(tmp_path / "other.fits", other)
    comparison = inspect_masks([path_of(masks[0]), str(reference)]).comparison
    assert comparison is not None
    assert comparison.added == np.count_nonzero(other & ~masks[0].bad)
    assert comparison.removed == np.count_nonzero(masks[0].bad & ~other) > 0
    same = inspect_masks([str(reference), str(reference)]).comparison
    assert same is not None
    assert (same.added, same.removed, same.agreement) == (0, 0, 1.0)


def test_masks_of_two_chips_are_not_compared(masks: list[StaticMask], tmp_path: Path) -> None:
    paths = [path_of(mask) for mask in masks]
    assert inspect_masks(paths).comparison is None
    small = reference_mask(tmp_path / "small.fits", np.zeros((9, 5), np.bool_))
    assert inspect_masks([paths[0], str(small)]).comparison is None
    assert inspect_masks([paths[0]] * 3).comparison is None


@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (None, "no image"), (np.zeros(7, np.int16), r"int16 of shape \(7,\)"),
        (np.zeros((3, 4), np.float32), r"float32 of shape \(3, 4\)"),
        (np.full((3, 4), 2, np.int16), "2 to 2"), (-np.eye(3, 4, dtype=np.int16), "-1 to 0"),
    ],
)
def test_a_file_that_is_not_a_mask_is_refused(
    tmp_path: Path, pixels: "np.typing.NDArray[np.int16] | None", found: str
) -> None:
    fits.PrimaryHDU(pixels).writeto(tmp_path / "a.fits")
    message = rf"a\.fits: is not a static mask: expected .* found {found}"
    with pytest.raises(InputError, match=message):
        inspected(tmp_path / "a.fits")


def test_every_file_that_is_not_a_mask_is_named(
    masks: list[StaticMask], visit: Visit, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no FITS")
    with pytest.raises(InputError) as caught:
        inspect_masks([path_of(masks[0]), visit.paths[0], str(tmp_path / "text"), "nothing"])
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        visit.paths[0], str(tmp_path / "text"), "nothing"
    ]


def test_the_json_fits_the_schema(
    masks: list[StaticMask], tmp_path: Path, write_exposure: WriteExposure
) -> None:
    flat = write_exposure("flat_flt.fits", chips=[{"data": np.ones((150, 220), np.float32),
                                                   "CCDCHIP": 2}])
    (mixed,) = create_masks([flat, write_exposure("b_flt.fits", chips=[
        {"data": sky((150, 220)), "CCDCHIP": 2}])], output_dir=tmp_path / "mixed")
    reference = reference_mask(tmp_path / "r.fits", masks[0].bad)
    for paths in ([path_of(masks[0]), str(reference)], [path_of(m) for m in masks],
                  [path_of(mixed)], []):
        inspections = inspect_masks(paths)
        document = checked("inspection", as_json("inspection", inspections))
        assert [mask["path"] for mask in document["masks"]] == paths
    assert inspections.masks == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [("STATSIG", "big"), ("FINLBITS", 7), ("FINLBITS", 1 + 2j), ("CCDCHIP", "front"),
     ("TELESCOP", 3 - 1j), ("SIGNUM", "one"), ("DATE", True), ("CREATOR", "staticmask")],
)
def test_a_header_with_values_of_other_types_can_be_inspected_and_planned(
    masks: list[StaticMask], visit: Visit, capsys: pytest.CaptureFixture[str],
    key: str, value: object
) -> None:
    path = path_of(masks[0])
    fits.setval(path, key, value=value)
    inspections = inspect_masks([path])
    show_inspections(inspections)
    assert "\x1b" not in capsys.readouterr().out
    as_json("inspection", inspections)
    parameters = Parameters.load(None, {"input": visit.paths, "final_bits": "256"})
    plans = plan_run(parameters, suffix=None, output_dir=os.path.dirname(path), overwrite=True)
    assert dry_run_of(plans, parameters).masks[0].path == path


def test_the_json_of_many_members_is_written_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_report, "_PIECES", 50)
    mask = StaticMask(Signature("ACSWFC", (6, 8), 1))
    mask.members = [
        Member(ChipLabel(f"{n:05}.fits", exptime=float("nan")), 48, 1.0 + n % 7, 1.0, 1.0, 0.0)
        for n in range(200)
    ]
    mask.write(tmp_path / "m.fits")
    inspections = inspect_masks([str(tmp_path / "m.fits")])
    pieces = list(json_pieces("inspection", inspections))
    assert max(map(len, pieces)) < sum(map(len, pieces)) / 2
    document = checked("inspection", "".join(pieces))
    assert document == json.loads(as_json("inspection", inspections))
    rows = document["masks"][0]["members"]
    assert [row["file"] for row in rows] == [f"{n:05}.fits" for n in range(200)]
    assert {row["exptime"] for row in rows} == {None}


@given(value=st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)))
def test_documents_are_written_as_json_does(value: object) -> None:
    text = as_json("overview", {"value": value})
    assert text == json.dumps(json.loads(text), indent=2)
    assert json.loads(text)["value"] == value
