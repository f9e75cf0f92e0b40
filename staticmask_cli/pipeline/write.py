"""Write the masks of a run, and their picture: all of them, or none."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack

from staticmask_cli.errors import ExposureError, Lines
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.io.disk import make_folder
from staticmask_cli.io.leftovers import remove_stale_temporaries
from staticmask_cli.masks.findings import Finding
from staticmask_cli.masks.run_id import set_run_ids
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import write_masks
from staticmask_cli.pipeline.findings import findings_of
from staticmask_cli.pipeline.plan import MaskPlan
from staticmask_cli.pipeline.update import NewMasks
from staticmask_cli.pipeline.voters import log_shared_pointings, refuse_too_few

__all__ = ["Picture", "write_all"]

log = logging.getLogger(__name__)


class Picture:
    """The picture that a run draws of its masks.

    Parameters
    ----------
    path : str
        The path of the picture.
    jobs : int
        The number of chips that are read at the same time.
    executor : concurrent.futures.Executor or None
        Its workers read the chips, if there is one.
    """

    def __init__(self, path: str, *, jobs: int, executor: Executor | None) -> None:
        # Imported here because it loads matplotlib, and few runs draw.
        from staticmask_cli.plots.draw import check_plot  # noqa: PLC0415

        check_plot(path)
        self._path, self._jobs, self._executor = path, jobs, executor

    def drawn(
        self, masks: Mapping[str, StaticMask], plans: Sequence[MaskPlan]
    ) -> AbstractContextManager[None]:
        """Draw masks and the chips that were read for them; files appear after the with block."""
        from staticmask_cli.plots.draw import picture_of  # noqa: PLC0415 - as above

        chips = {plan.path: plan.chips for plan in plans}
        pairs = [(mask, chips.get(path, ())) for path, mask in masks.items()]
        return picture_of(pairs, self._path, jobs=self._jobs, executor=self._executor)


def write_all(
    work: NewMasks,
    fresh: Mapping[str, StaticMask],
    done: Mapping[str, StaticMask],
    *,
    output_dir: str,
    problems: Problems,
    picture: Picture | None,
    write: bool = True,
) -> dict[str, StaticMask]:
    """Write the masks of a run, and their picture: all of them, or none.

    Parameters
    ----------
    work : NewMasks
        The work of the run, which merges new masks with those on disk.
    fresh, done : mapping of str to StaticMask
        By path, the masks that are to be written, and those that are complete on disk.
    output_dir : str
        The folder of the masks; made when missing.
    problems : Problems
        Collects masks of which no chip could be used, where the run keeps going.
    picture : Picture or None
        The picture to draw of all masks.
    write : bool
        Whether to write the masks, too.

    Returns
    -------
    dict of str to StaticMask
        All masks of the run by path, sorted.
    """
    remove_stale_temporaries(done)  # of killed runs; those of other masks go as they are written
    with ExitStack() as stack:
        merged = stack.enter_context(work.merged(fresh))
        to_write = _without_empty(merged, problems, others=len(done))
        refuse_too_few(to_write.values())
        log_shared_pointings(to_write.values(), problems)
        masks = dict(sorted({**done, **to_write}.items()))
        for finding in findings_of(list(masks.values()), tuple(problems.findings)):
            problems.warn(finding)
        if write:
            set_run_ids(to_write.values(), (done[path] for path in done.keys() - to_write.keys()))
            make_folder(output_dir)
        if picture is not None:
            stack.enter_context(picture.drawn(masks, work.to_do))
        if write:
            write_masks(to_write)
    if not write:
        for mask in masks.values():
            mask.path = None
    return masks


def _without_empty(
    named: Mapping[str, StaticMask], problems: Problems, *, others: int
) -> dict[str, StaticMask]:
    """Return the masks of which a chip was used: a mask without one would be good everywhere.

    Where the run keeps going and there are `others`, such a mask is left out; else it is refused.
    """
    empty = {
        mask.name: f"none of its {len(mask.members)} chips could be used: "
        + "; ".join(f"{member.label}: {member.skip_reason}" for member in mask.members[:3])
        for mask in named.values()
        if not mask.used
    }
    if empty and (not problems.keep_going or len(empty) == len(named) + others):
        raise ExposureError(Lines.of(f"{name}: {why}" for name, why in empty.items()))
    for name, why in empty.items():
        problems.warn(Finding(name, f"not made: {why}", "masks are not made",
                              "look at their exposures", is_clear=True))
    problems.left_out.update(empty)
    return {path: mask for path, mask in named.items() if mask.used}
