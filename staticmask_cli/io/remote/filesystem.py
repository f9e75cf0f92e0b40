"""The file systems of fsspec: which one serves a URL, and what it says of a file.

Why a remote place could not be read or written, in one line.
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

from staticmask_cli.errors import InputError, OutputError, StaticMaskError
from staticmask_cli.io.urls import WEB, concealed, scheme_of, with_credentials

__all__ = [
    "exists", "info_of", "modified", "opened_at", "place_of", "refusing_faults", "with_retries",
]

_ADVICE = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login",
}
_MISSING = {"404", "410", "NoSuchKey", "NotFound", "NoSuchVersion"}
_REFUSED = {
    "401", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken",
    "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "TokenRefreshRequired",
    "RequestTimeTooSkewed", "IncompleteSignature", "AuthorizationHeaderMalformed",
}
_FORBIDDEN = {"403", "AccessDenied", "AllAccessDisabled", "AccountProblem", "UnauthorizedAccess"}
# Exceptions of the libraries by name, as only some of these are there.
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
_LONGEST_REASON = 200


@contextmanager
def refusing_faults(url: str, kind: type[StaticMaskError] = InputError) -> Iterator[None]:
    """Turn whatever goes wrong at a remote place into one error that names it.

    Raises
    ------
    StaticMaskError
        Of that kind; it shows no password, key or signature.
    """
    try:
        yield
    except StaticMaskError:
        raise
    except Exception as error:  # libraries of all kinds, which share no base
        msg = f"{concealed(url)}: {_reason(error, url, kind)}"
        raise kind(msg) from error


def is_missing(error: BaseException) -> bool:
    """Whether a service says that there is no such file."""
    code = code_of(error)
    if code is not None:
        return code in _MISSING
    return isinstance(error, FileNotFoundError) and _named(error, _UNREACHABLE | _BROKEN) == ""


def is_transient(error: BaseException) -> bool:
    """Whether the same request may succeed a moment later."""
    code = code_of(error)
    if code is not None:
        return code in {"408", "429"} or (code.isdigit() and int(code) >= 500)  # noqa: PLR2004
    return bool(_named(error, _UNREACHABLE | _BROKEN)) or any(
        isinstance(link, ConnectionError | TimeoutError) for link in _chain(error)
    )


def is_unreachable(error: BaseException) -> bool:
    """Whether there was nobody to ask."""
    return code_of(error) is None and _named(error, _UNREACHABLE) != ""


def code_of(error: BaseException) -> str | None:
    """Return what the service answered, a status of HTTP or a code of S3; None if it did not."""
    for link in _chain(error):
        response: Any = getattr(link, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            return str(response["Error"].get("Code", ""))
        status = getattr(link, "status", None) or getattr(link, "code", None)
        if isinstance(status, int) and status > 0:
            return str(status)
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(10):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def _named(error: BaseException, names: set[str]) -> str:
    """Name of the first exception of these, or of a class below one of them, in the chain."""
    for link in _chain(error):
        for base in type(link).__mro__:
            if base.__name__ in names:
                return base.__name__
    return ""


def _reason(error: Exception, url: str, kind: type[StaticMaskError]) -> str:
    """First of the reasons that fit."""
    code, advice = code_of(error), _ADVICE.get(scheme_of(url), "check user and password")
    verb = "write" if kind is OutputError else "read"
    forbidden = code in _FORBIDDEN or (code is None and isinstance(error, PermissionError))
    reasons = (
        (_named(error, _NO_CREDENTIALS), f"no credentials, or incomplete ones: {advice}"),
        (_named(error, {"ProfileNotFound"}), f"{_words(error)}; check AWS_PROFILE"),
        (code == "NoSuchBucket", "no such bucket"),
        (code in _REFUSED, f"the service refuses the credentials ({code}): {advice}"),
        (forbidden, f"no permission to {verb} it ({code or 'Forbidden'})"),
        ("range requests" in str(error), "the server sends no parts of files; copy it here"),
        (is_missing(error), "no such key" if scheme_of(url) == "s3" else "no such file"),
        (code is not None, f"the service answers {code}"),
        (_named(error, _UNREACHABLE), f"the service cannot be reached: {_words(error)}"),
        (is_transient(error), f"the connection failed: {_words(error)}"),
    )
    return next((reason for fits, reason in reasons if fits), _words(error))


def _words(error: Exception) -> str:
    """First line of the last cause, without secrets."""
    *_, last = _chain(error)
    lines = str(last).strip().splitlines()
    text = str(concealed(lines[0])) if lines else ""
    return (text or type(last).__name__)[:_LONGEST_REASON]


Result = TypeVar("Result")

_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp",
    "https": "aiohttp", "az": "adlfs", "abfs": "adlfs",
}
_OF_THE_EXTRA = ("s3fs", "aiohttp")
_WAITS = (0.3, 1.0, 3.0)  # seconds between tries, where the library below has none of its own
_REST = 30.0  # seconds for which a service that could not be reached is not asked again
_DOWN: dict[tuple[str | None, ...], tuple[float, str]] = {}  # when that was, and why
_TIMES = ("LastModified", "last_modified", "Last-Modified", "mtime", "updated", "created")


def place_of(url: str) -> tuple[Any, str]:
    """File system of a URL, and the path in it."""
    full, scheme = with_credentials(url), scheme_of(url)
    if scheme in ("file", "local"):
        msg = f"{concealed(url)}: name a local file by its path, without {scheme}://"
        raise InputError(msg)
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        package = _PACKAGES.get(scheme, "")
        hint = "'staticmask[cloud]'" if package in _OF_THE_EXTRA else package
        remedy = f"pip install {hint}" if hint else str(error)
        msg = f"{concealed(url)}: {scheme}:// needs {package or 'another package'}: {remedy}"
        raise InputError(msg) from error
    except ValueError as error:
        msg = f"{concealed(url)}: fsspec knows no {scheme}://"
        raise InputError(msg) from error
    with refusing_faults(url):
        # Not by chained URLs, which could lead anywhere else; what a service holds may change.
        options = {"use_listings_cache": False, **kind._get_kwargs_from_urls(full)}  # noqa: SLF001
        if scheme in WEB and "%" in full:
            options["encoded"] = True  # a signature holds for the very spelling
        return kind(**options), kind._strip_protocol(full)  # noqa: SLF001


def with_retries(url: str, ask: Callable[[], Result]) -> Result:
    """Ask again where a fault may pass and the library does not do so itself."""
    for wait in _WAITS if scheme_of(url) in WEB else ():
        try:
            return ask()
        except Exception as error:
            if not is_transient(error):
                raise
        time.sleep(wait)
    return ask()


def info_of(url: str) -> dict[str, Any]:
    """Ask a service for the size of a file and for what else it says of it."""
    files, path = place_of(url)
    found: dict[str, Any] = _asked(url, lambda: files.info(path))
    return found


def opened_at(url: str) -> tuple[Any, dict[str, Any]]:
    """Open a file for reading, without any cache; return it and what the service says of it."""
    files, path = place_of(url)
    if scheme_of(url) == "s3":  # where opening asks for just that, and insists on it later
        source = _asked(url, lambda: files.open(path, "rb", cache_type="none"))
        return source, source.details
    info = info_of(url)
    with refusing_faults(url):
        return files.open(path, "rb", cache_type="none", size=info.get("size")), info


def _asked(url: str, ask: Callable[[], Result]) -> Result:
    """Ask a service about a file; one that could not be reached is left alone for a while."""
    service = _service_of(url)
    when, why = _DOWN.get(service, (-math.inf, ""))
    if time.monotonic() - when < _REST:
        msg = f"{concealed(url)}: {why}"
        raise InputError(msg)
    try:
        with refusing_faults(url):
            try:
                return with_retries(url, ask)
            except Exception:
                if scheme_of(url) == "s3":  # its first answer has no text that says why
                    files, path = place_of(url)
                    files.cat_file(path, 0, 1)
                raise
    except InputError as error:
        if is_unreachable(error):
            _DOWN[service] = time.monotonic(), str(error).removeprefix(f"{concealed(url)}: ")
        raise


def _service_of(url: str) -> tuple[str | None, ...]:
    """Tell what is reached or not as a whole."""
    if scheme_of(url) in WEB:
        return tuple(with_credentials(url).split("/")[:3])
    return scheme_of(url), *map(os.environ.get, ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"))


def exists(url: str) -> bool:
    """Whether there is a file.

    Raises
    ------
    InputError
        If the service does not say.
    """
    try:
        return str(info_of(url).get("type", "file")) == "file"
    except InputError as error:
        if error.__cause__ is not None and is_missing(error.__cause__):
            return False
        raise


def modified(url: str) -> int | None:
    """When a file was changed, in nanoseconds since 1970; None if the service does not say."""
    info = info_of(url)
    for when in (info.get(key) for key in _TIMES):
        if isinstance(when, str):
            with suppress(ValueError):
                return int(parsedate_to_datetime(when).timestamp()) * 10**9
        if isinstance(when, datetime):
            return int(when.timestamp() * 10**6) * 10**3
        if isinstance(when, int | float):
            return int(when * 10**9)
    return None
