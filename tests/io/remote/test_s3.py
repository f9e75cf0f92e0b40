"""Exposures in an S3 service on loopback that counts the bytes it sends (extra dev: moto)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip("moto.server")
s3fs = pytest.importorskip("s3fs")

from staticmask_cli import (  # noqa: E402 - after the checks that may skip this module
    apply_masks,
    create_masks,
)
from staticmask_cli.errors import OutputError  # noqa: E402
from staticmask_cli.masks.static_mask import StaticMask  # noqa: E402
from staticmask_cli.simulate.visit import simulate_visit  # noqa: E402
from tests.support.command import create, done  # noqa: E402
from tests.support.s3_service import BUCKET, POLICY, Service, as_user, s3_service  # noqa: E402


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    """Return one service for all tests of this module."""
    with pytest.MonkeyPatch.context() as patch:
        as_user(patch, None, "boss", "boss")
        with s3_service() as service:
            yield service


@pytest.fixture
def service(running: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Return the service, with its address and keys in the standard environment variables."""
    as_user(monkeypatch, running, "boss", "boss")
    s3fs.S3FileSystem.clear_instance_cache()
    running.requests.clear()
    yield running
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture(scope="module")
def visit(running: Service, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Write two exposures to a local folder and to the service; return the local paths."""
    folder = tmp_path_factory.mktemp("visit")
    simulate_visit(str(folder), "ACS/WFC", shape=(400, 500), exposures=2)
    paths = sorted(folder.glob("*flt.fits"))
    for path in paths:
        running.put(f"visit/{path.name}", path)
    return paths


def needed(paths: list[Path]) -> int:
    """Return the bytes of all headers and of the SCI and DQ pixels."""
    total = 0
    for path in paths:
        with fits.open(path) as hdus:
            for hdu in hdus:
                info = hdu.fileinfo()
                total += info["datLoc"] - info["hdrLoc"]
                total += hdu.size if hdu.name in ("SCI", "DQ") else 0
    return total


def test_a_pattern_fetches_the_headers_and_pixels_that_are_needed(
    service: Service, visit: list[Path], tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    here = create(*visit, "--final-bits", "0", "-o", tmp_path / "here")
    assert service.requests == []
    there = create(f"s3://{BUCKET}/visit/*flt.fits", "--final-bits", "0", "-o", tmp_path / "there")
    assert (here[0], there[0]) == (0, 0), there[1]
    for mask in (tmp_path / "here").iterdir():
        np.testing.assert_array_equal(
            StaticMask.read(str(mask)).array,
            StaticMask.read(str(tmp_path / "there" / mask.name)).array)
    whole = sum(path.stat().st_size for path in visit)
    record_property("bytes from S3, of those needed, of the files",
                    (service.sent, needed(visit), whole))
    assert needed(visit) < service.sent < 1.1 * needed(visit) < whole


def test_single_keys_and_associations_name_exposures(
    service: Service, visit: list[Path], tmp_path: Path
) -> None:
    roots = [path.name.partition("_")[0].upper() for path in visit]
    table = fits.BinTableHDU.from_columns([
        fits.Column("MEMNAME", "14A", array=np.array(roots)),
        fits.Column("MEMTYPE", "14A", array=np.array(["EXP-DTH"] * len(roots))),
    ])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "j_asn.fits")
    asn = service.put("visit/j_asn.fits", tmp_path / "j_asn.fits")
    for words in ([asn], [f"s3://{BUCKET}/visit/{path.name}" for path in visit]):
        code, output = create(*words, "-o", tmp_path)
        assert code == 0, output
        mask = StaticMask.read(str(tmp_path / "ACSWFC_400x500_1_staticMask.fits"))
        assert [member.label.file for member in mask.members] == [
            f"s3://{BUCKET}/visit/{path.name}" for path in visit]


def test_masks_and_reports_are_written_to_a_bucket(
    service: Service, visit: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    there = f"s3://{BUCKET}/masks"
    assert create(visit[0], "-o", tmp_path)[0] == 0
    output = done(visit[0], "-o", f"{there}/", "--report", f"{there}/run.json").output
    name = "ACSWFC_400x500_1_staticMask.fits"
    assert f"{there}/{name}" in output
    client = service.client()
    stored = client.get_object(Bucket=BUCKET, Key=f"masks/{name}")["Body"].read()
    assert stored == (tmp_path / name).read_bytes()
    client.put_object(Bucket=BUCKET, Key=f"masks/{name}", Body=b"mine")
    code, output = create(visit[0], "-o", there)
    assert code == 1
    assert output == (f"Error: {there}/{name}: exists and is not a static mask of that shape; "
                      "move it away, use another --output-dir or --name, or --overwrite to replace "
                      "it\n")


def test_a_request_that_fails_for_a_moment_is_repeated(service: Service, visit: list[Path],
                                           tmp_path: Path) -> None:
    service.failures += [503, 500]
    code, output = create(f"s3://{BUCKET}/visit/{visit[0].name}", "-o", tmp_path)
    assert (code, service.failures) == (0, []), output


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("s3://archive/visit/none_flt.fits", "no such key"),
        ("s3://none/a_flt.fits", "no such bucket"),
        ("s3://none/*flt.fits", "no such bucket"),
        ("s3://archive/none/*flt.fits", "no file matches"),
    ],
)
def test_missing_keys_and_buckets_are_reported_in_one_line(
    service: Service, word: str, line: str
) -> None:
    assert service.url
    assert create(word) == (1, f"Error: {word}: {line}\n")


def test_wrong_credentials_are_reported_in_one_line(
    service: Service, visit: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    word = f"s3://{BUCKET}/visit/{visit[0].name}"
    good, powerless = service.user("reader", POLICY), service.user("nobody", None)
    refused = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    with service.checking_credentials():
        for (key, secret), line in (
            (good, ""),
            (("AKIAWRONG", "secretword"),
             f"the service refuses the credentials (InvalidAccessKeyId): {refused}"),
            ((good[0], "secretword"),
             f"the service refuses the credentials (SignatureDoesNotMatch): {refused}"),
            (powerless, "no permission to read it (AccessDenied)"),
        ):
            as_user(monkeypatch, service, key, secret)
            s3fs.S3FileSystem.clear_instance_cache()
            code, output = create(word, "-o", tmp_path)
            if line:
                assert (code, output) == (1, f"Error: {word}: {line}\n")
                assert secret not in output
            else:
                assert code == 0, output


def test_missing_credentials_are_reported_in_one_line(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert service.url
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    code, output = create("s3://archive/a_flt.fits")
    assert code == 1
    assert output.startswith("Error: s3://archive/a_flt.fits: no credentials, or incomplete ones")


def test_an_endpoint_that_does_not_answer_is_reported_in_one_line(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert service.url
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    code, output = create("s3://archive/a_flt.fits", "s3://archive/b_flt.fits")
    assert code == 1
    assert [line.partition(" Connect")[0] for line in output.splitlines()] == [
        "Error: s3://archive/a_flt.fits: the service cannot be reached: [Errno 111]",
        "s3://archive/b_flt.fits: the service cannot be reached: [Errno 111]",
    ]


def test_a_signed_url_works_in_other_processes_and_is_never_shown(
    service: Service, visit: list[Path], tmp_path: Path
) -> None:
    key = f"visit/{visit[0].name}"
    signed = service.client().generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": key})
    assert "Signature" in signed
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        masks = create_masks(signed, output_dir=tmp_path, executor=processes)
    assert [member.label.file for mask in masks for member in mask.members] == [
        f"{service.url}/{BUCKET}/{key}"] * 2
    for mask in tmp_path.iterdir():
        assert b"Signature" not in mask.read_bytes()


def test_masks_are_applied_to_remote_exposures_and_to_remote_copies(
    service: Service, visit: list[Path], tmp_path: Path
) -> None:
    create_masks(visit, output_dir=tmp_path / "masks")
    masks, pattern = f"{tmp_path}/masks/*.fits", f"s3://{BUCKET}/visit/*flt.fits"
    apply_masks(masks, visit, output_dir=tmp_path / "here")
    there = apply_masks(masks, pattern, output_dir=tmp_path / "there")
    remote = f"s3://{BUCKET}/copies"
    for _ in range(2):
        copies = apply_masks(masks, pattern, output_dir=remote)
    assert copies == [f"{remote}/{path.name}" for path in visit]
    for path in visit:
        here = (tmp_path / "here" / path.name).read_bytes()
        assert (tmp_path / "there" / path.name).read_bytes() == here
        stored = service.client().get_object(Bucket=BUCKET, Key=f"copies/{path.name}")
        assert stored["Body"].read() == here
    assert len(there) == 2
    with pytest.raises(OutputError, match="lies in the output folder"):
        apply_masks(masks, pattern, output_dir=f"s3://{BUCKET}/visit")
    service.put("other/" + visit[0].name, visit[0])
    with pytest.raises(OutputError, match="exists, and is not a copy that staticmask apply wrote"):
        apply_masks(masks, pattern, output_dir=f"s3://{BUCKET}/other")
