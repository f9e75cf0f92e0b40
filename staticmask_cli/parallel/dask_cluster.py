"""Connect to the Dask scheduler that a user names, and report its failures in one line each."""

import importlib.util
import logging
import pkgutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from staticmask_cli._version import __version__
from staticmask_cli.errors import ClusterError, ConfigError, first_few
from staticmask_cli.parallel.tasks import available_cpus

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

__all__ = ["connected_executor"]

_SECONDS_TO_CONNECT = 5.0
_SECONDS_TO_GIVE_UP = 10.0  # a client may wait for ever for a server that is no scheduler
_NOISY = ("distributed", "tornado", "asyncio")  # loggers that repeat our one line at length


@contextmanager
def connected_executor(
    scheduler: str | None, *, executor: Executor | None = None, jobs: int | None = None
) -> Iterator[Executor | None]:
    """Connect to a Dask scheduler, and yield an executor of its workers for the with block.

    Parameters
    ----------
    scheduler : str or None
        The address of a scheduler, such as ``tcp://host:8786``, or ``local`` for processes on
        this machine.  With None, `executor` is yielded.
    executor : concurrent.futures.Executor, optional
        The executor that the user chose instead of a scheduler.
    jobs : int, optional
        The number of processes of ``local``; by default one for each processor.

    Yields
    ------
    concurrent.futures.Executor or None
        The executor that is to run the tasks; None if neither was given.

    Raises
    ------
    ConfigError
        If `scheduler` is not an address, if there is an `executor` too, or if the package
        `distributed` is not installed.
    ClusterError
        If no scheduler answers at the address, if this package is missing on the cluster or has
        another version there, or if the cluster is lost during the run.
    """
    if scheduler is None:
        yield executor
        return
    _check(scheduler, executor)
    from distributed import KilledWorker  # noqa: PLC0415 - an extra
    from distributed.comm import CommClosedError  # noqa: PLC0415 - likewise

    from staticmask_cli.parallel.dask_executor import DaskExecutor  # noqa: PLC0415 - with it

    with _quiet(), _connected(scheduler, jobs) as client:
        try:
            _refuse_other_versions(scheduler, client)
            yield DaskExecutor(client)
        except KilledWorker as error:
            msg = (f"{scheduler}: {error.allowed_failures + 1} workers died at the same chips, "
                   "perhaps of too little memory; see their logs")
            raise ClusterError(msg) from error
        except (CancelledError, CommClosedError) as error:
            msg = f"{scheduler}: the scheduler was lost during the run"
            raise ClusterError(msg) from error


def _check(scheduler: str, executor: Executor | None) -> None:
    """Refuse a scheduler that cannot be used, before anything is started."""
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
    """Yield a client of a scheduler; the scheduler of ``local`` is started here."""
    if scheduler == "local":
        with _local_cluster(jobs) as cluster, cluster.get_client() as client:
            yield client
    else:
        with _client_of(scheduler) as client:
            yield client


def _local_cluster(jobs: int | None) -> "LocalCluster":
    """Start a scheduler and workers on this machine."""
    from distributed import LocalCluster  # noqa: PLC0415 - an extra

    return LocalCluster(
        n_workers=jobs or available_cpus(), threads_per_worker=1,
        dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
        preload=["staticmask_cli.parallel.tasks"],
    )


def _client_of(scheduler: str) -> "Client":
    """Connect in a thread, which can be abandoned if it gets no answer."""
    from distributed import Client  # noqa: PLC0415 - an extra

    connection: Future[Client] = Future()

    def connect() -> None:
        try:
            client = Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
            connection.set_result(client)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            connection.set_exception(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        return connection.result(_SECONDS_TO_GIVE_UP)
    except (ValueError, TypeError) as error:
        msg = f"scheduler = {scheduler}: {error}"
        raise ConfigError(msg) from error
    except OSError as error:  # TimeoutError, too
        msg = f"{scheduler}: no Dask scheduler answers there; start one with: dask scheduler"
        raise ClusterError(msg) from error


def _refuse_other_versions(scheduler: str, client: "Client") -> None:
    """Refuse a cluster without this version of the package, whose tasks would fail obscurely."""
    question = pkgutil.resolve_name, "staticmask_cli:__version__"
    versions = {"scheduler": _result_or_error(client.run_on_scheduler, *question)}
    versions |= {f"worker {address}": version for address, version
                 in client.run(*question, on_error="return").items()}
    wrong = [f"{where} has {'none' if isinstance(version, Exception) else version}"
             for where, version in versions.items() if version != __version__]
    if wrong:
        msg = (f"{scheduler}: expected staticmask {__version__} on all of the cluster, but "
               f"{first_few(wrong)}; install the same version everywhere")
        raise ClusterError(msg)


def _result_or_error(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - any
    """Call a function; return what it returns, or the exception that it raises."""
    try:
        return function(*arguments)
    except Exception as error:  # noqa: BLE001 - whatever it is, the package cannot be imported
        return error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the loggers of Dask in the with block: stderr gets the one line of our own error."""
    import distributed  # noqa: F401, PLC0415 - sets levels when first imported

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
