"""Remote exposures and masks, in the memory file system of fsspec."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ConfigError, InputError, OutputError, StaticMaskError
from staticmask_cli.exposures.associations import read_association
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.simulate.visit import Visit
from tests.support.command import run
from tests.support.exposures import WriteExposure

fsspec = pytest.importorskip("fsspec")
Store = Any  # a file system of fsspec


@pytest.fixture
def store() -> Iterator[Store]:
    """Return an empty file system in memory."""
    files = fsspec.filesystem("memory")
    files.store.clear()
    yield files
    files.store.clear()


def put(store: Store, url: str, content: bytes | Path) -> str:
    store.pipe_file(url, content if isinstance(content, bytes) else content.read_bytes())
    return url


@pytest.fixture
def remote_visit(store: Store, visit: Visit) -> list[str]:
    """Store four small exposures; return their URLs."""
    return [put(store, f"memory://bucket/visit/{Path(path).name}", Path(path))
            for path in visit.paths]


def content(path: str) -> bytes:
    """Return the bytes of a local file or of a stored one."""
    return bytes(fsspec.open(path, "rb").open().read())


def test_remote_exposures_give_the_masks_of_local_ones(
    remote_visit: list[str], visit: Visit, tmp_path: Path
) -> None:
    here = create_masks(list(visit.paths), final_bits=0, output_dir=tmp_path / "here")
    there = create_masks(remote_visit, final_bits=0, output_dir=tmp_path / "there")
    assert [Path(str(mask.path)).name for mask in here] == [
        Path(str(mask.path)).name for mask in there]
    for ours, theirs in zip(here, there, strict=True):
        np.testing.assert_array_equal(ours.array, theirs.array)
        assert [member.mode for member in ours.members] == [m.mode for m in theirs.members]
        read = StaticMask.read(str(theirs.path))
        assert [member.label.file for member in read.members] == remote_visit


@pytest.mark.parametrize(
    "word",
    ["memory://bucket/visit/*flt.fits", "memory://bucket/*/*.fits", "@memory://bucket/visit/all.lst",
     "memory://bucket/visit/x_asn.fits", "memory://bucket/visit/x_asn.json"],
)
def test_patterns_lists_and_tables_name_remote_exposures(
    store: Store, remote_visit: list[str], word: str, tmp_path: Path
) -> None:
    names = [url.rpartition("/")[2] for url in remote_visit]
    roots = [name.partition("_")[0].upper() for name in names]
    put(store, "memory://bucket/visit/all.lst", f"# all\n{names[0]} 1\n*flt.fits\n".encode())
    table = fits.BinTableHDU.from_columns([
        fits.Column("MEMNAME", "14A", array=np.array(roots)),
        fits.Column("MEMTYPE", "14A", array=np.array(["EXP-DTH"] * len(roots))),
        fits.Column("MEMPRSNT", "L", array=np.array([True] * len(roots))),
    ])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "x_asn.fits")
    if word.endswith("x_asn.fits"):
        put(store, "memory://bucket/visit/x_asn.fits", tmp_path / "x_asn.fits")
    members = [{"expname": name, "exptype": "science"} for name in names]
    put(store, "memory://bucket/visit/x_asn.json",
        json.dumps({"products": [{"members": members}]}).encode())
    assert expand_inputs([word]) == remote_visit


def test_a_comma_list_may_mix_local_and_remote_files(remote_visit: list[str], visit: Visit) -> None:
    word = f"{remote_visit[1]},{visit.paths[0]},{remote_visit[0]}"
    assert expand_inputs([word]) == sorted([*remote_visit[:2], visit.paths[0]])


def test_all_missing_files_are_named_and_nothing_is_written(
    remote_visit: list[str], tmp_path: Path
) -> None:
    words = [remote_visit[0], "memory://bucket/visit/no_flt.fits", "memory://bucket/no/no_flt.fits"]
    with pytest.raises(InputError) as caught:
        create_masks(words, output_dir=tmp_path / "out")
    assert str(caught.value).splitlines() == [
        "memory://bucket/no/no_flt.fits: no such file",
        "memory://bucket/visit/no_flt.fits: no such file",
    ]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("memory://bucket/none/*flt.fits", "none/*flt.fits: no file matches"),
        ("memory://bucket/visit/", "is a folder, expected files such as"),
        ("@memory://bucket/none.lst", "@memory://bucket/none.lst: no such file"),
        ("nothing://bucket/a_flt.fits", "fsspec does not support nothing://"),
        ("file:///etc/passwd", "name a local file by its path, without file://"),
    ],
)
def test_a_wrong_remote_input_is_named(store: Store, word: str, found: str) -> None:
    put(store, "memory://bucket/visit/a_flt.fits", b"")
    with pytest.raises(InputError, match=r"^@?[a-z]+://") as caught:
        create_masks(word)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    "line",
    ["/etc/passwd", "../other/a_flt.fits", "a/../../b_flt.fits", "https://elsewhere/a_flt.fits",
     "~/a_flt.fits", "@/etc/passwd", "@../more.lst", "%2e%2e/a_flt.fits", "ok_flt.fits,/etc/passwd",
     "memory://bucket/other/a_flt.fits", r"..\a_flt.fits"],
)
def test_a_remote_list_names_nothing_outside_its_folder(store: Store, line: str) -> None:
    put(store, "memory://bucket/visit/all.lst", line.encode())
    put(store, "memory://bucket/other/a_flt.fits", b"")
    with pytest.raises(InputError, match=r"@memory://bucket/visit/all.lst: names .*its folder"):
        expand_inputs(["@memory://bucket/visit/all.lst"])


@pytest.mark.parametrize("name", ["../a", "a/../b", "/a", "a%2fb", "a?b", "a#b", "a b", "*"])
def test_a_member_of_a_remote_association_is_a_plain_file_name(store: Store, name: str) -> None:
    members = [{"expname": name, "exptype": "science"}]
    put(store, "memory://bucket/x_asn.json",
        json.dumps({"products": [{"members": members}]}).encode())
    with pytest.raises(InputError, match="expected a file beside the association"):
        read_association("memory://bucket/x_asn.json")


def test_a_missing_member_of_a_remote_association_is_named(store: Store) -> None:
    members = [{"expname": "j8bt06nyq", "exptype": "science"}]
    url = put(store, "memory://bucket/x_asn.json",
              json.dumps({"products": [{"members": members}]}).encode())
    put(store, "memory://bucket/deeper/j8bt06nyq_flt.fits", b"")
    with pytest.raises(InputError, match=f"{url}: member j8bt06nyq: no such exposure beside"):
        expand_inputs([url])


def test_flt_and_flc_of_one_remote_exposure_need_a_choice(store: Store) -> None:
    for kind in ("flt", "flc"):
        put(store, f"memory://bucket/a_{kind}.fits", b"")
    with pytest.raises(InputError, match="the same exposure twice"):
        expand_inputs(["memory://bucket/a*"])
    assert expand_inputs(["memory://bucket/a*"], "flc") == ["memory://bucket/a_flc.fits"]


@pytest.mark.parametrize("form", ["gz", "fz"])
def test_compressed_remote_exposures_are_read(
    store: Store, write_exposure: WriteExposure, form: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    data = rng.normal(100, 5, (80, 110)).astype(np.float32)
    plain = write_exposure("a_flt.fits", chips=[{"data": data}])
    expected = create_masks(plain, output_dir=tmp_path / "plain")[0].array
    squeezed = tmp_path / f"b_flt.fits.{form}"
    with fits.open(plain) as hdus:
        if form == "fz":
            hdus[1] = fits.CompImageHDU(hdus[1].data, hdus[1].header, compression_type="GZIP_1",
                                        quantize_level=0)
        hdus.writeto(squeezed)
    url = put(store, f"memory://bucket/{squeezed.name}", squeezed)
    masks = create_masks(url, output_dir=tmp_path / "there")
    np.testing.assert_array_equal(masks[0].array, expected)


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_a_damaged_remote_exposure_is_named(
    store: Store, write_exposure: WriteExposure, damage: str
) -> None:
    whole = write_exposure().read_bytes()
    bad = {"cut": whole[:9000], "empty": b"", "text": b"<html>Please log in</html>"}[damage]
    url = put(store, "memory://bucket/a_flt.fits", bad)
    with pytest.raises(StaticMaskError, match=f"^{url}: (is truncated|cannot be read as FITS)"):
        create_masks(url)


def test_the_dq_companion_of_a_remote_wfpc2_exposure_is_found(store: Store, tmp_path: Path) -> None:
    from staticmask_cli.simulate.visit import simulate_visit  # noqa: PLC0415

    visit = simulate_visit(str(tmp_path / "in"), "WFPC2", shape=(60, 90))
    for path in (tmp_path / "in").glob("*.fits"):
        put(store, f"memory://bucket/{path.name}", path)
    here = create_masks(list(visit.paths), final_bits=0, output_dir=tmp_path / "here")
    there = create_masks("memory://bucket/*c0m.fits", final_bits=0, output_dir=tmp_path / "there")
    assert [mask.nbad for mask in there] == [mask.nbad for mask in here]
    assert all(mask.flagged is not None for mask in there)


def test_masks_and_reports_go_to_a_remote_folder(
    store: Store, remote_visit: list[str], visit: Visit, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    here = create_masks(remote_visit, output_dir=tmp_path)
    there = create_masks(remote_visit, output_dir="memory://bucket/masks/")
    for ours, theirs in zip(here, there, strict=True):
        assert theirs.path == f"memory://bucket/masks/{ours.signature.filename}"
        assert content(theirs.path) == Path(str(ours.path)).read_bytes()
        assert StaticMask.read(theirs.path).nbad == ours.nbad
    create_masks(visit.paths[0], output_dir="memory://bucket/masks")  # ours may be replaced
    assert len(StaticMask.read(str(there[0].path)).members) == 1
    assert len(store.ls("/bucket/masks")) == len(there)


def test_a_remote_file_that_is_no_mask_is_replaced_only_with_permission(
    store: Store, remote_visit: list[str]
) -> None:
    masks = create_masks(remote_visit, output_dir="memory://bucket/masks")
    path = put(store, str(masks[0].path), b"mine")
    with pytest.raises(OutputError, match=f"{path}: exists and is not a static mask"):
        create_masks(remote_visit, output_dir="memory://bucket/masks")
    assert content(path) == b"mine"
    create_masks(remote_visit, output_dir="memory://bucket/masks", overwrite=True)
    assert StaticMask.read(path).nbad == masks[0].nbad


def test_masks_of_remote_exposures_are_updated(
    remote_visit: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    create_masks(remote_visit, agree=2, output_dir=tmp_path / "one")
    for some in (remote_visit[2:], remote_visit[:1], remote_visit):
        masks = create_masks(some, agree=2, output_dir=tmp_path / "grown", update=True)
    assert [len(mask.previous_members) for mask in masks] == [3, 3]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "grown" / path.name).read_bytes()


def test_remote_masks_are_not_updated(remote_visit: list[str], store: Store) -> None:
    message = "memory://bucket/masks is remote, where runs cannot wait for each other"
    with pytest.raises(ConfigError, match=message):
        create_masks(remote_visit, output_dir="memory://bucket/masks", update=True)
    assert not store.exists("memory://bucket/masks")


def test_a_folder_without_atomic_writes_is_refused(visit: Visit) -> None:
    with pytest.raises(OutputError, match="https://host/masks: cannot be written whole"):
        create_masks(list(visit.paths), output_dir="https://host/masks")


def test_a_failed_write_keeps_the_old_remote_masks(
    remote_visit: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(remote_visit[:1], output_dir="memory://bucket/masks")
    before = [content(str(mask.path)) for mask in masks]

    def broken(*_: object, **__: object) -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", broken)
    with pytest.raises(OutputError, match=r"memory://bucket/masks/ACS.*: the connection failed"):
        create_masks(remote_visit, output_dir="memory://bucket/masks")
    assert [content(str(mask.path)) for mask in masks] == before


def test_local_runs_do_not_import_fsspec(visit: Visit, tmp_path: Path) -> None:
    script = (
        "import sys; from staticmask_cli import create_masks; "
        f"create_masks({list(visit.paths)!r}, output_dir={str(tmp_path)!r}); "
        "assert not {'fsspec', 's3fs', 'aiohttp', 'staticmask_cli.io.remote'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_without_the_extra_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("staticmask_cli.io.remote")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("staticmask_cli.io.remote", raising=False)
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(ConfigError, match=r"^s3://bucket/a_flt.fits: .*staticmask\[cloud\]'$"):
        create_masks("s3://bucket/a_flt.fits")


@pytest.mark.parametrize(("url", "package"), [("s3://b/k_flt.fits", r"'staticmask\[cloud\]'"),
                                              ("gs://b/k_flt.fits", "gcsfs")])
def test_the_missing_package_of_a_scheme_is_named(
    url: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(sys.modules["fsspec.registry"], "registry", {})
    with pytest.raises(ConfigError, match=f"{url[:2]}:// needs .*pip install {package}$"):
        create_masks(url)
    with pytest.raises(ConfigError, match=f"{url[:2]}:// needs .*pip install {package}\n"):
        create_masks(["gone_flt.fits", url], keep_going=True)


def test_a_plan_shows_which_remote_masks_are_up_to_date(
    store: Store, remote_visit: list[str]
) -> None:
    words = [*remote_visit, "-o", "memory://bucket/masks"]
    assert states_of(*words) == ["missing", "missing"]
    create_masks(remote_visit, output_dir="memory://bucket/masks")
    assert states_of(*words) == ["up to date", "up to date"]
    assert states_of(*words[1:]) == ["other members", "other members"]
    put(store, remote_visit[0], content(remote_visit[0]))
    assert states_of(*words) == ["older", "older"]


def states_of(*words: str) -> list[str]:
    result = run("plan", "--json", "-q", *words)
    assert result.exit_code == 0, result.output
    return [mask["state"] for mask in json.loads(result.output)["masks"]]


def test_there_are_no_make_rules_for_remote_files(remote_visit: list[str]) -> None:
    result = run("plan", "--make", *remote_visit)
    assert result.exit_code == 2
    assert result.output.endswith("Make handles only the files of this machine; call staticmask "
                                  "from a script\n")


def test_missing_and_damaged_remote_exposures_can_be_left_out(
    store: Store, remote_visit: list[str], tmp_path: Path
) -> None:
    damaged = put(store, "memory://bucket/visit/cut_flt.fits", content(remote_visit[0])[:9000])
    missing = "memory://bucket/visit/no_flt.fits"
    masks = create_masks([*remote_visit, damaged, missing], keep_going=True, output_dir=tmp_path)
    assert masks.left_out[missing] == "no such file"
    assert masks.left_out[damaged].startswith("is truncated")
    assert [len(mask.used) for mask in masks] == [4, 4]


def test_the_bytes_of_pixels_are_fetched_once_and_exactly(
    store: Store, real_exposure: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[int] = []
    url = put(store, "memory://bucket/j8bt06nyq_flt.fits", real_exposure)
    kind = type(store.open("/bucket/j8bt06nyq_flt.fits"))
    whole = kind.read

    def counting(self: Any, size: int = -1) -> bytes:  # noqa: ANN401
        fetched.append(size)
        return bytes(whole(self, size))

    monkeypatch.setattr(kind, "read", counting)
    create_masks(url, final_bits=0, output_dir=tmp_path)
    sci, dq = 1024 * 1024 * 4, 1024 * 1024 * 2
    assert sorted(size for size in fetched if size > 1 << 16) == [dq, sci]
    assert sum(fetched) < 1.02 * (sci + dq)
