"""Batches of chips and partial masks:  carried elsewhere, merged in any order."""

import os
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier, Lock, current_thread
from typing import Any, TypeVar

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli import Parameters, Signature, StaticMask, create_masks
from staticmask_cli.errors import InputError, StaticMaskError
from staticmask_cli.exposures import reading
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.masks.members import UNKNOWN_CORNERS, ChipLabel
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.rule import Agreement, MaskRule
from staticmask_cli.parallel.tasks import RunContext
from staticmask_cli.pipeline import batches
from staticmask_cli.pipeline.batches import (
    Batch,
    BatchResult,
    clip_batch,
    combine,
    split_into_batches,
)
from staticmask_cli.pipeline.plan import MaskPlan, plan_masks
from staticmask_cli.simulate.visit import Visit
from tests.support.exposures import WriteExposure, coordinates, digest, sky

SHAPE = (40, 70)
SIGNATURE = Signature("CAM", SHAPE, 1)
NAME = SIGNATURE.filename
# The exposures 0, 3, 4, 6 and 7 are linked one by one, 1 is far away, and 5 is of unknown position.
LABELS = [
    ChipLabel(f"{number}_flt.fits", 1, "", 1.0, *(
        UNKNOWN_CORNERS if dx is None
        else corners_on_sky(fits.Header(coordinates(dx)), SHAPE)
    ))
    for number, dx in enumerate((0.0, 30.0, 1.0, 1.9, 5.1, None, 3.5, 6.6))
]
Anything = TypeVar("Anything")


def carried(thing: Anything) -> Anything:
    copy: Anything = pickle.loads(pickle.dumps(thing))  # noqa: S301 - our own
    return copy


def share_of(number: int, agree: Agreement) -> BatchResult:
    """Share of one chip: some are set aside, some have DQ, and some share a pointing."""
    return carried(_made_once(number, agree))


@cache
def _made_once(number: int, agree: Agreement) -> BatchResult:
    part = PartialMask(SIGNATURE, MaskRule(2.0, "local", agree))
    if number % 3 == 2:
        part.set_aside(LABELS[number], "no finite pixel")
        return BatchResult(part, NAME, {str(LABELS[number]): "no finite pixel"})
    dq = None if number % 2 else np.random.default_rng(number).integers(0, 2, SHAPE, np.int16)
    part.add(sky(SHAPE, seed=number), label=LABELS[number], dq=dq)
    return BatchResult(part, NAME)


def in_one_go(agree: Agreement) -> PartialMask:
    mask = combine([share_of(number, agree) for number in range(8)]).mask
    mask.sort_members()
    return mask


@settings(max_examples=15)
@given(order=st.permutations(range(8)), joins=st.lists(st.integers(0, 6), min_size=7, max_size=7),
       agree=st.sampled_from(["any", 2, 0.5]))
def test_partial_masks_merge_in_any_order_and_grouping(
    order: list[int], joins: list[int], agree: Agreement
) -> None:
    shares = [share_of(number, agree) for number in order]
    for join in joins:  # two neighbours become one, wherever they are, after a way as bytes
        place = join % (len(shares) - 1)
        shares[place : place + 2] = [combine(carried(shares[place : place + 2]))]
    (whole,) = shares
    whole.mask.sort_members()
    expected = in_one_go(agree)
    np.testing.assert_array_equal(whole.mask.array, expected.array)
    np.testing.assert_array_equal(whole.mask.below, expected.below)
    assert repr(whole.mask.members) == repr(expected.members)
    assert (whole.mask.votes is None) == (agree == "any")
    if whole.mask.votes is not None:
        np.testing.assert_array_equal(whole.mask.votes, expected.votes)
        assert whole.mask.votes.dtype == np.uint8
    assert whole.left_out == {f"{n}_flt.fits[SCI,1]": "no finite pixel" for n in (2, 5)}


def test_combining_changes_nothing_that_it_is_given() -> None:
    shares = [share_of(number, 2) for number in range(8)]
    before = [pickle.dumps(share) for share in shares]
    combine(shares)
    assert [pickle.dumps(share) for share in shares] == before


@pytest.mark.parametrize(("agree", "size"), [("any", 2 / 8), ("all", 2 / 8 + 1)])
def test_a_partial_mask_travels_as_bits_and_votes_as_bytes(agree: Agreement, size: float) -> None:
    part = PartialMask(Signature("CAM", (512, 600), 1), MaskRule(3.0, agree=agree))
    part.add(sky((512, 600)), label="a", dq=np.ones((512, 600), np.int16))
    assert size * 512 * 600 < len(pickle.dumps(part)) < size * 512 * 600 + 2000


def test_masks_without_chips_and_those_from_files_travel_too(tmp_path: Path) -> None:
    empty = carried(PartialMask(SIGNATURE, MaskRule(2.0, "local", 3)))
    assert (empty.nbad, empty.members, empty.flagged) == (0, [], None)
    empty.merge(in_one_go(3))
    assert empty.nbad == in_one_go(3).nbad
    part = in_one_go("any")
    mask = StaticMask(SIGNATURE, **vars(part.rule), facts={"INSTRUME": "CAM"})
    mask.merge(part)
    mask.write(str(tmp_path / "a.fits"))
    carried(mask).write(str(tmp_path / "b.fits"))
    read = StaticMask.read(str(tmp_path / "b.fits"))
    np.testing.assert_array_equal(read.array, mask.array)
    assert (read.rule, read.facts) == (part.rule, {"INSTRUME": "CAM"})


@pytest.fixture(scope="module")
def plans(visit: Visit) -> list[MaskPlan]:
    return plan_masks(Parameters.load(None, {"input": visit.paths}))


@pytest.mark.parametrize(
    ("times", "jobs", "alone", "sizes"),
    [(1, 1, True, {1}), (1, 1, False, {2}), (1, 2, False, {1}), (40, 4, False, {20}),
     (40, 1, False, {64, 32}), (40, 500, False, {1})],
)
def test_batches_are_as_many_as_keep_all_busy_and_never_large(
    times: int, jobs: int, alone: bool, sizes: set[int], plans: list[MaskPlan]  # noqa: FBT001
) -> None:
    many = [MaskPlan(plan.signature, plan.path, plan.chips * times, 0) for plan in plans]
    batches = split_into_batches(many, MaskRule(4.0), keep_going=False, jobs=jobs, alone=alone)
    assert {len(batch.chips) for batch in batches} == sizes
    chips = [chip.label for batch in batches for chip in batch.chips]
    assert sorted(chips) == sorted(chip.label for plan in many for chip in plan.chips)
    assert all({chip.signature for chip in batch.chips} == {batch.signature} for batch in batches)


def test_what_the_chips_of_a_mask_share_is_kept_once(plans: list[MaskPlan]) -> None:
    for plan in plans:
        assert len({id(chip.facts) for chip in plan.chips}) == 1
        assert len({id(chip.signature) for chip in plan.chips}) == 1


def masks_of_elsewhere(folder: Path, **arguments: object) -> list[str]:
    """Make masks with processes that stand in another folder; return what was made."""
    (folder / "elsewhere").mkdir(exist_ok=True)
    with ProcessPoolExecutor(
        1, get_context("spawn"), os.chdir, (folder / "elsewhere",)
    ) as executor:
        masks = create_masks(executor=executor, jobs=1, **arguments)  # type: ignore[arg-type]
    return [digest(Path(str(mask.path))) for mask in masks]


def test_processes_in_another_folder_read_relative_paths_and_make_the_same_masks(
    write_exposure: WriteExposure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reading, "_BATCH", 4)
    for number in range(9):
        write_exposure(f"{number}_flt.fits", chips=[{"data": sky(seed=number)}])
    Path("3_flt.fits").write_bytes(b"SIMPLE")
    with open("5_flt.fits", "r+b") as stream:  # its headers are whole
        stream.truncate(os.path.getsize("5_flt.fits") - 2880)
    here, there = ([digest(Path(str(mask.path))) for mask in create_masks(
        "*_flt.fits", keep_going=True, output_dir="a")],
        masks_of_elsewhere(tmp_path, inputs="*_flt.fits", keep_going=True, output_dir="b"))
    assert here == there
    with pytest.raises(InputError, match=r"^(?!.*elsewhere)3_flt.fits: (?s:.*)\n5_flt.fits: "):
        masks_of_elsewhere(tmp_path, inputs="*_flt.fits")


def test_headers_that_others_read_come_back_in_order_and_with_their_faults(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_BATCH", 2)
    bad = tmp_path / "bad_flt.fits"
    bad.write_bytes(b"junk")
    paths = [*visit.paths, str(bad)]
    expected = list(reading.read_headers(paths))
    with ThreadPoolExecutor(3) as executor:
        found = list(reading.read_headers(paths, executor=executor))
    assert [path for path, _ in found] == paths
    assert found[:-1] == expected[:-1]
    assert repr(found[-1]) == repr(expected[-1])
    assert isinstance(found[-1][1], InputError)


def batch_of(plan: MaskPlan, origin: RunContext, chips: int = 2) -> Batch:
    return Batch(plan.chips[:chips], MaskRule(4.0), None, keep_going=False, context=origin)


def test_a_worker_with_another_version_is_refused(plans: list[MaskPlan]) -> None:
    with pytest.raises(StaticMaskError, match=r"has staticmask 0\.\S+, expected 7\.0 as on \S+; "):
        clip_batch(batch_of(plans[0], RunContext(version="7.0")))


def test_a_worker_on_another_machine_says_where_it_is(
    plans: list[MaskPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.node", lambda: "node17")
    batch = batch_of(plans[0], RunContext(host="front"))
    assert len(clip_batch(batch).mask.used) == 2
    monkeypatch.setattr("staticmask_cli.fits.content.stamp_of", lambda _stream: None)
    monkeypatch.setattr("staticmask_cli.exposures.reading.opened", open_nothing)
    with pytest.raises(InputError, match=r"found nothing \(reported by the worker on node17; "):
        clip_batch(batch)
    reasons = clip_batch(batch._replace(keep_going=True)).left_out.values()
    assert all("(reported by the worker on node17; " in reason for reason in reasons)
    assert len(reasons) == 2


def open_nothing(path: str, **_: object) -> None:
    msg = f"{path}: expected a FITS file, found nothing"
    raise InputError(msg)


def test_chips_are_read_while_as_many_as_there_are_processors_are_clipped(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = PartialMask.add
    others_are_read, clipping = Barrier(3), Lock()

    def read_with_others(chip: Chip, *, reuse_memory: bool) -> tuple[Any, Any]:
        pixels = reading.read_pixels(chip, reuse_memory=reuse_memory)
        others_are_read.wait(60)
        return pixels

    def add_alone(part: PartialMask, *pixels: Any, **options: Any) -> None:  # noqa: ANN401
        assert clipping.acquire(blocking=False)
        add(part, *pixels, **options)
        clipping.release()

    monkeypatch.setattr(batches, "available_cpus", lambda: 1)
    monkeypatch.setattr(batches, "read_pixels", read_with_others)
    monkeypatch.setattr(PartialMask, "add", add_alone)
    create_masks(visit.paths[:3], jobs=3, output_dir=tmp_path)


@pytest.mark.parametrize(
    ("sky", "small", "here"), [("global", 1 << 17, True), ("global", 1, False),
                               ("local", 1 << 17, False)])
def test_small_chips_are_clipped_in_the_thread_of_the_run(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sky: str, small: int, *,
    here: bool,
) -> None:
    """Unless pixels are compared with the local sky, which takes ten times as long and more."""
    threads = set()

    def read_where(chip: Chip, *, reuse_memory: bool) -> tuple[Any, Any]:
        threads.add(current_thread().name)
        return reading.read_pixels(chip, reuse_memory=reuse_memory)

    monkeypatch.setattr(batches, "_SMALL", small)
    monkeypatch.setattr(batches, "default_jobs", lambda: 2)  # also on a single processor
    monkeypatch.setattr(batches, "read_pixels", read_where)
    create_masks(visit.paths[:2], output_dir=tmp_path, sky=sky)
    assert (threads == {current_thread().name}) == here


def test_no_two_runs_have_equal_tasks(plans: list[MaskPlan]) -> None:
    assert batch_of(plans[0], RunContext()) != batch_of(plans[0], RunContext())
