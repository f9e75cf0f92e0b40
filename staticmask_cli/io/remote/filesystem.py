"""The fsspec file system that serves a URL, and what a service reports about a file."""

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import fsspec
from fsspec.asyn import AsyncFileSystem

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.io.remote.faults import (
    as_remote_error,
    is_missing,
    is_transient,
    is_unreachable,
)
from staticmask_cli.io.remote.waiting import answer_within, longest_wait, run, with_retries
from staticmask_cli.io.urls import WEB, has_broken_user, redacted, scheme_of, with_credentials

__all__ = [
    "call", "call_long", "exists", "file_system_of", "info_of", "modified_at", "reached",
    "requested",
]

Result = TypeVar("Result")

# The package that serves each scheme, and those of them that the extra cloud installs.
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp",
    "https": "aiohttp", "az": "adlfs", "abfs": "adlfs",
}
_IN_EXTRA = ("s3fs", "aiohttp")
_DOWN_SECONDS = 30.0  # for which no request is sent to a service that could not be reached
_TIME_KEYS = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "created")

_WEB_FILES: dict[tuple[int, bool], Any] = {}  # by process and spelling of URLs

# The services that could not be reached: when that was, and the reason.
_DOWN: dict[tuple[str | None, ...], tuple[float, str]] = {}


def file_system_of(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path of the URL in it.

    Raises
    ------
    ConfigError
        If the package for the scheme is not installed.
    InputError
        If the scheme is local or not supported, or the user or password is not valid.
    """
    full, scheme = with_credentials(url), scheme_of(url)
    if scheme in ("file", "local"):
        msg = f"{redacted(url)}: name a local file by its path, without {scheme}://"
        raise InputError(msg)
    if has_broken_user(full):
        msg = f"{redacted(url)}: its password has a / ? or #; write %2F, %3F or %23 instead"
        raise InputError(msg)
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        package = _PACKAGES.get(scheme, "")
        hint = "'staticmask[cloud]'" if package in _IN_EXTRA else package
        remedy = f"pip install {hint}" if hint else str(error)
        msg = f"{redacted(url)}: {scheme}:// needs {package or 'another package'}: {remedy}"
        raise ConfigError(msg) from error
    except ValueError as error:
        msg = f"{redacted(url)}: fsspec does not support {scheme}://"
        raise InputError(msg) from error
    with as_remote_error(url):
        # Not through chained URLs, which could lead to any other service.  No cache of listings,
        # as the files of a service may change.
        options = {"use_listings_cache": False, **kind._get_kwargs_from_urls(full)}  # noqa: SLF001
        if scheme in WEB:
            return _web_files(kind, encoded="%" in full), full
        return kind(**options), kind._strip_protocol(full)  # noqa: SLF001


def _web_files(kind: Any, *, encoded: bool) -> Any:  # noqa: ANN401 - of an extra
    """Return the file system of web servers, one for all threads, which share its connections.

    Parameters
    ----------
    encoded : bool
        Whether URLs are sent as they are spelt: a signature is valid for exactly that spelling.
    """
    key = os.getpid(), encoded
    if key not in _WEB_FILES:
        from staticmask_cli.io.remote.web import client  # noqa: PLC0415 - an extra

        _WEB_FILES[key] = kind(get_client=client, skip_instance_cache=True,
                               **({"encoded": True} if encoded else {}))
    return _WEB_FILES[key]


def call(files: Any, name: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - any file system's
    """Call a method of a file system that asks its service; the answer must come in time."""
    return _called(files, name, arguments, options, 2 * longest_wait())


def call_long(files: Any, name: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - likewise
    """Call a method that may need many requests, such as one that lists a folder."""
    return _called(files, name, arguments, options, 20 * longest_wait())


def _called(
    files: Any, name: str, arguments: Sequence[Any], options: Mapping[str, Any], seconds: float  # noqa: ANN401 - likewise
) -> Any:  # noqa: ANN401 - likewise
    if not isinstance(files, AsyncFileSystem):
        return getattr(files, name)(*arguments, **options)

    async def answer() -> Any:  # noqa: ANN401 - likewise
        async with answer_within(seconds, "no answer"):
            return await getattr(files, f"_{name}")(*arguments, **options)

    return run(answer())


def info_of(url: str) -> dict[str, Any]:
    """Request the size of a file and whatever else the service reports about it."""
    files, path = file_system_of(url)
    if scheme_of(url) in WEB:
        from staticmask_cli.io.remote.web import WebFile  # noqa: PLC0415 - an extra

        return requested(url, WebFile(files, path).ask)
    info: dict[str, Any] = requested(url, lambda: call(files, "info", path))
    return info


def exists(url: str) -> bool:
    """Return whether there is a file.

    Raises
    ------
    InputError
        If the service does not answer that.
    """
    try:
        return str(info_of(url).get("type", "file")) == "file"
    except InputError as error:
        if error.__cause__ is not None and is_missing(error.__cause__):
            return False
        raise


def modified_at(url: str) -> int | None:
    """Return when a file was modified, in nanoseconds since 1970; None if that is unknown."""
    info = info_of(url)
    for when in (info.get(key) for key in _TIME_KEYS):
        if isinstance(when, str):
            with suppress(ValueError):
                return int(parsedate_to_datetime(when).timestamp()) * 10**9
        if isinstance(when, datetime):
            return int(when.timestamp() * 10**6) * 10**3
        if isinstance(when, int | float):
            return int(when * 10**9)
    return None


def requested(url: str, request: Callable[[], Result]) -> Result:
    """Return the answer to a first request for a file.

    It is repeated where the library does not do so.
    """
    with reached(url):
        try:
            return with_retries(request, is_transient) if scheme_of(url) in WEB else request()
        except Exception as error:
            if scheme_of(url) == "s3" and not isinstance(error, TimeoutError):
                run(_ask_for_reason(*file_system_of(url)))
            raise


@contextmanager
def reached(url: str) -> Iterator[None]:
    """Turn any exception of the block, which requests a file, into an error that names the URL.

    Raises
    ------
    InputError
        Such an error; also at once if the service was just found unreachable.
    """
    service = _service_of(url)
    when, reason = _DOWN.get(service, (-math.inf, ""))
    if time.monotonic() - when < _DOWN_SECONDS:
        msg = f"{redacted(url)}: {reason}"
        raise InputError(msg)
    try:
        with as_remote_error(url):
            yield
    except InputError as error:
        if is_unreachable(error):
            _DOWN[service] = time.monotonic(), str(error).removeprefix(f"{redacted(url)}: ")
        raise


async def _ask_for_reason(files: Any, path: str) -> None:  # noqa: ANN401 - of an extra
    """Request a byte of an object of S3, as the answer to a HEAD has no text with the reason."""
    bucket, key, _ = files.split_path(path)
    async with answer_within(2 * longest_wait(), "no answer"):
        answer = await files._call_s3(  # noqa: SLF001 - how all methods of s3fs call it
            "get_object", Bucket=bucket, Key=key, Range="bytes=0-0", **files.req_kw)
    answer["Body"].close()


def _service_of(url: str) -> tuple[str | None, ...]:
    """Return what identifies the service of a URL, which can be reached or not as a whole."""
    if scheme_of(url) in WEB:
        return tuple(with_credentials(url).split("/")[:3])
    return scheme_of(url), *map(os.environ.get, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))
