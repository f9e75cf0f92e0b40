"""Memory that is used again stays with its thread and its purpose."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from staticmask_cli.workspace import Workspace


def test_memory_of_one_name_is_used_again_also_for_less() -> None:
    workspace = Workspace()
    first = workspace.take("chip", 12, np.float32)
    first[:] = 3.0
    again = workspace.take("chip", 7, np.float32)
    assert again.shape == (7,)
    assert np.shares_memory(first, again)
    assert again.tolist() == [3.0] * 7


def test_more_or_other_elements_are_new_memory() -> None:
    workspace = Workspace()
    first = workspace.take("chip", 12, np.float32)
    assert not np.shares_memory(first, workspace.take("chip", 13, np.float32))
    other = workspace.take("chip", 12, np.uint8)
    assert other.dtype == np.uint8
    assert not np.shares_memory(first, other)


def test_names_and_threads_do_not_share() -> None:
    workspace = Workspace()
    ours = workspace.take("chip", 12, np.float32)
    assert not np.shares_memory(ours, workspace.take("block", 12, np.float32))
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(workspace.take, "chip", 12, np.float32).result()
    assert not np.shares_memory(ours, theirs)
