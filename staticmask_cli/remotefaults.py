"""Why a remote place could not be read or written, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from staticmask_cli.errors import InputError, OutputError, StaticMaskError
from staticmask_cli.urls import concealed, scheme_of

__all__ = ["code_of", "is_missing", "is_transient", "is_unreachable", "refusing_faults"]

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
