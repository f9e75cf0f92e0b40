"""The Dask scheduler that a user names: connecting to it, and what can go wrong with it."""

import importlib.util
import logging
import os
import pkgutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from staticmask_cli._version import __version__
from staticmask_cli.errors import ClusterError, ConfigError
from staticmask_cli.parallel.dask_executor import DaskPool

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

__all__ = ["scheduled"]

_SECONDS_TO_CONNECT = 5.0
_SECONDS_TO_GIVE_UP = 10.0  # something that is no scheduler may let its client wait for ever
_MOST_NAMES = 3  # of workers, in a message
_NOISY = ("distributed", "tornado", "asyncio")  # they log at length what we say in one line


@contextmanager
def scheduled(
    scheduler: str | None, *, executor: Executor | None = None, jobs: int | None = None
) -> Iterator[Executor | None]:
    """Lend the workers of a Dask scheduler as an executor.

    Parameters
    ----------
    scheduler : str or None
        Address, such as ``tcp://host:8786``; ``local`` for processes on this machine; without
        one, `executor` is lent.
    executor : concurrent.futures.Executor, optional
        Of the user.
    jobs : int, optional
        Processes of ``local``; as many as there are processors if None.

    Raises
    ------
    ConfigError
        If `scheduler` is no address, there is an `executor` too, or `distributed` is missing.
    ClusterError
        If nobody answers at the address, this package is missing there or of another version,
        or the cluster is lost under way.
    """
    if scheduler is None:
        yield executor
        return
    _check(scheduler, executor)
    from distributed import KilledWorker  # noqa: PLC0415 - an extra
    from distributed.comm import CommClosedError  # noqa: PLC0415 - likewise

    with _quiet(), _connected(scheduler, jobs) as client:
        try:
            _refuse_other_versions(scheduler, client)
            yield DaskPool(client)
        except KilledWorker as error:
            msg = (f"{scheduler}: {error.allowed_failures + 1} workers died at the same chips, "
                   "of too little memory perhaps; their logs should tell")
            raise ClusterError(msg) from error
        except (CancelledError, CommClosedError) as error:
            msg = f"{scheduler}: the scheduler was lost under way"
            raise ClusterError(msg) from error


def _check(scheduler: str, executor: Executor | None) -> None:
    problem = None
    if executor is not None:
        problem = "there is an executor too; choose one of them"
    elif scheduler != "local" and "://" not in scheduler:
        problem = "expected local, or an address such as tcp://host:8786"
    elif importlib.util.find_spec("distributed") is None:
        problem = "distributed is not installed; pip install 'staticmask[dask]'"
    if problem:
        msg = f"scheduler = {scheduler}: {problem}"
        raise ConfigError(msg)


@contextmanager
def _connected(scheduler: str, jobs: int | None) -> Iterator["Client"]:
    """Lend a client of a scheduler, or of one that is started for it."""
    if scheduler == "local":
        with _local_cluster(jobs) as cluster, cluster.get_client() as client:
            yield client
    else:
        with _client_of(scheduler) as client:
            yield client


def _local_cluster(jobs: int | None) -> "LocalCluster":
    from distributed import LocalCluster  # noqa: PLC0415 - an extra

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return LocalCluster(
        n_workers=jobs or usable or 1, threads_per_worker=1, dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL, preload=["staticmask_cli.parallel.tasks"],
    )


def _client_of(scheduler: str) -> "Client":
    """Connect in a thread, which can be left behind if it gets no answer."""
    from distributed import Client  # noqa: PLC0415 - an extra

    answer: Future[Client] = Future()

    def connect() -> None:
        try:
            answer.set_result(
                Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
            )
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            answer.set_exception(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        return answer.result(_SECONDS_TO_GIVE_UP)
    except (ValueError, TypeError) as error:
        msg = f"scheduler = {scheduler}: {error}"
        raise ConfigError(msg) from error
    except OSError as error:  # TimeoutError, too
        msg = f"{scheduler}: no Dask scheduler answers there; start one with: dask scheduler"
        raise ClusterError(msg) from error


def _refuse_other_versions(scheduler: str, client: "Client") -> None:
    """Refuse a cluster without this package, where tasks would end in ways that tell nothing."""
    version = pkgutil.resolve_name, "staticmask_cli:__version__"
    found = {"scheduler": _answer(client.run_on_scheduler, *version)}
    found |= {f"worker {place}": answer for place, answer
              in client.run(*version, on_error="return").items()}
    wrong = [f"{where} has {'none' if isinstance(answer, Exception) else answer}"
             for where, answer in found.items() if answer != __version__]
    if wrong:
        more = f" and {len(wrong) - _MOST_NAMES} more" if len(wrong) > _MOST_NAMES else ""
        msg = (f"{scheduler}: expected staticmask {__version__} on all of the cluster, but "
               f"{', '.join(wrong[:_MOST_NAMES])}{more}; install the same everywhere")
        raise ClusterError(msg)


def _answer(ask: Callable[..., Any], *question: Any) -> Any:  # noqa: ANN401 - of any kind
    try:
        return ask(*question)
    except Exception as error:  # noqa: BLE001 - what it is does not matter
        return error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the loggers of Dask from stderr, which has our one line."""
    import distributed  # noqa: F401, PLC0415 - it sets levels when it is first imported

    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in _NOISY]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
