"""The fsspec file system that serves a URL: requests with retries, and faults in one line each.

The exceptions of the libraries below fsspec share no base class, and only some of the libraries
are installed.  They are recognised by the names of their classes and by the codes that the
services answered.
"""

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import fsspec

from staticmask_cli.errors import ConfigError, InputError, OutputError, StaticMaskError
from staticmask_cli.io.urls import WEB, redacted, scheme_of, with_credentials

__all__ = [
    "as_remote_error", "exists", "file_system_of", "info_of", "modified_at", "open_unbuffered",
    "with_retries",
]

Result = TypeVar("Result")

# The package that serves each scheme, and those of them that the extra cloud installs.
_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp",
    "https": "aiohttp", "az": "adlfs", "abfs": "adlfs",
}
_IN_EXTRA = ("s3fs", "aiohttp")
_ADVICE = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login",
}
_WAITS = (0.3, 1.0, 3.0)  # seconds between tries, for schemes whose library does not retry
_DOWN_SECONDS = 30.0  # for which no request is sent to a service that could not be reached
_TIME_KEYS = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "created")
_LONGEST_REASON = 200  # characters

# Codes that services answer.
_MISSING = {"404", "410", "NoSuchKey", "NotFound", "NoSuchVersion"}
_REFUSED = {
    "401", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken",
    "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "TokenRefreshRequired",
    "RequestTimeTooSkewed", "IncompleteSignature", "AuthorizationHeaderMalformed",
}
_FORBIDDEN = {"403", "AccessDenied", "AllAccessDisabled", "AccountProblem", "UnauthorizedAccess"}
_PASSING = {"408", "429"}
_FIRST_SERVER_ERROR = 500  # of the HTTP status codes

# Classes of exceptions.
_NO_CREDENTIALS = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError",
    "TokenRetrievalError", "UnauthorizedSSOTokenError", "DefaultCredentialsError",
}
_UNREACHABLE = {
    "EndpointConnectionError", "ClientConnectorError", "ClientConnectorDNSError",
    "ConnectTimeoutError", "ProxyConnectionError", "ConnectionTimeoutError", "gaierror",
}
_BROKEN = {
    "ReadTimeoutError", "ConnectionClosedError", "ServerDisconnectedError", "ClientPayloadError",
    "ServerTimeoutError", "FSTimeoutError", "SocketTimeoutError", "ClientOSError",
    "IncompleteRead", "ResponseStreamingError", "HTTPClientError",
}

# The services that could not be reached: when that was, and the reason.
_DOWN: dict[tuple[str | None, ...], tuple[float, str]] = {}


def file_system_of(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path of the URL in it.

    Raises
    ------
    ConfigError
        If the package for the scheme is not installed.
    InputError
        If the scheme is local or not supported.
    """
    full, scheme = with_credentials(url), scheme_of(url)
    if scheme in ("file", "local"):
        msg = f"{redacted(url)}: name a local file by its path, without {scheme}://"
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
        if scheme in WEB and "%" in full:
            options["encoded"] = True  # a signature is valid for exactly this spelling
        return kind(**options), kind._strip_protocol(full)  # noqa: SLF001


def info_of(url: str) -> dict[str, Any]:
    """Request the size of a file and whatever else the service reports about it."""
    files, path = file_system_of(url)
    info: dict[str, Any] = _requested(url, lambda: files.info(path))
    return info


def open_unbuffered(url: str) -> tuple[Any, dict[str, Any]]:
    """Open a file for reading, without a cache; return it and what the service reports about it."""
    files, path = file_system_of(url)
    if scheme_of(url) == "s3":  # opening requests the same facts, and pins the version
        source = _requested(url, lambda: files.open(path, "rb", cache_type="none"))
        return source, source.details
    info = info_of(url)
    with as_remote_error(url):
        return files.open(path, "rb", cache_type="none", size=info.get("size")), info


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
        if error.__cause__ is not None and _is_missing(error.__cause__):
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


def _requested(url: str, request: Callable[[], Result]) -> Result:
    """Return the answer to a request; fail at once if the service was just found unreachable."""
    service = _service_of(url)
    when, reason = _DOWN.get(service, (-math.inf, ""))
    if time.monotonic() - when < _DOWN_SECONDS:
        msg = f"{redacted(url)}: {reason}"
        raise InputError(msg)
    try:
        with as_remote_error(url):
            try:
                return with_retries(url, request)
            except Exception:
                if scheme_of(url) == "s3":  # the first answer has no text with the reason
                    files, path = file_system_of(url)
                    files.cat_file(path, 0, 1)
                raise
    except InputError as error:
        if _is_unreachable(error):
            _DOWN[service] = time.monotonic(), str(error).removeprefix(f"{redacted(url)}: ")
        raise


def _service_of(url: str) -> tuple[str | None, ...]:
    """Return what identifies the service of a URL, which can be reached or not as a whole."""
    if scheme_of(url) in WEB:
        return tuple(with_credentials(url).split("/")[:3])
    return scheme_of(url), *map(os.environ.get, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))


def with_retries(url: str, request: Callable[[], Result]) -> Result:
    """Return the answer to a request, which is repeated where the library does not do so."""
    for seconds in _WAITS if scheme_of(url) in WEB else ():
        try:
            return request()
        except Exception as error:
            if not _is_transient(error):
                raise
        time.sleep(seconds)
    return request()


@contextmanager
def as_remote_error(url: str, kind: type[StaticMaskError] = InputError) -> Iterator[None]:
    """Turn any exception of the block into one error that names the URL and the reason.

    Raises
    ------
    StaticMaskError
        An error of that kind; it shows no password, key or signature.
    """
    try:
        yield
    except StaticMaskError:
        raise
    except Exception as error:  # of many libraries, without a common base class
        msg = f"{redacted(url)}: {_reason(error, url, kind)}"
        raise kind(msg) from error


def _reason(error: Exception, url: str, kind: type[StaticMaskError]) -> str:
    """Return the first reason that applies to an exception."""
    code, advice = _code_of(error), _ADVICE.get(scheme_of(url), "check user and password")
    verb = "write" if kind is OutputError else "read"
    forbidden = code in _FORBIDDEN or (code is None and isinstance(error, PermissionError))
    reasons = (
        (_is_any(error, _NO_CREDENTIALS), f"no credentials, or incomplete ones: {advice}"),
        (_is_any(error, {"ProfileNotFound"}), f"{_text_of(error)}; check AWS_PROFILE"),
        (code == "NoSuchBucket", "no such bucket"),
        (code in _REFUSED, f"the service refuses the credentials ({code}): {advice}"),
        (forbidden, f"no permission to {verb} it ({code or 'Forbidden'})"),
        ("range requests" in str(error), "the server sends no parts of files; copy it here"),
        (_is_missing(error), "no such key" if scheme_of(url) == "s3" else "no such file"),
        (code is not None, f"the service answers {code}"),
        (_is_any(error, _UNREACHABLE), f"the service cannot be reached: {_text_of(error)}"),
        (_is_transient(error), f"the connection failed: {_text_of(error)}"),
    )
    return next((reason for applies, reason in reasons if applies), _text_of(error))


def _text_of(error: Exception) -> str:
    """Return the first line of an exception's deepest cause, without secrets."""
    *_, last = _chain(error)
    lines = str(last).strip().splitlines()
    text = str(redacted(lines[0])) if lines else ""
    return (text or type(last).__name__)[:_LONGEST_REASON]


def _is_missing(error: BaseException) -> bool:
    """Return whether a service answered that there is no such file."""
    code = _code_of(error)
    if code is not None:
        return code in _MISSING
    return isinstance(error, FileNotFoundError) and not _is_any(error, _UNREACHABLE | _BROKEN)


def _is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later."""
    code = _code_of(error)
    if code is not None:
        return code in _PASSING or (code.isdigit() and int(code) >= _FIRST_SERVER_ERROR)
    return _is_any(error, _UNREACHABLE | _BROKEN) or any(
        isinstance(link, ConnectionError | TimeoutError) for link in _chain(error)
    )


def _is_unreachable(error: BaseException) -> bool:
    """Return whether no connection to the service could be made."""
    return _code_of(error) is None and _is_any(error, _UNREACHABLE)


def _code_of(error: BaseException) -> str | None:
    """Return the HTTP status or S3 error code that a service answered; None without an answer."""
    for link in _chain(error):
        response: Any = getattr(link, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            return str(response["Error"].get("Code", ""))
        status = getattr(link, "status", None) or getattr(link, "code", None)
        if isinstance(status, int) and status > 0:
            return str(status)
    return None


def _is_any(error: BaseException, names: set[str]) -> bool:
    """Return whether an exception or any of its causes is of a class of these names."""
    return any(base.__name__ in names for link in _chain(error) for base in type(link).__mro__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes."""
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__
