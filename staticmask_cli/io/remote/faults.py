"""What is wrong with a remote file or its service, in one line each.

The exceptions of the libraries below fsspec share no base class, and only some of the libraries
are installed.  They are recognised by the names of their classes and by the codes that the
services answered.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from staticmask_cli.errors import InputError, OutputError, StaticMaskError
from staticmask_cli.io.urls import redacted, scheme_of

__all__ = ["as_remote_error", "is_broken", "is_missing", "is_transient", "is_unreachable"]

_ADVICE = {
    "s3": "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth application-default login",
}
_LONGEST_REASON = 200  # characters

# Codes that services answer.
_MISSING = {"404", "410", "NoSuchKey", "NotFound", "NoSuchVersion"}
_REFUSED = {
    "401", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken",
    "InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "TokenRefreshRequired",
    "RequestTimeTooSkewed", "IncompleteSignature", "AuthorizationHeaderMalformed",
}
_FORBIDDEN = {"403", "AccessDenied", "AllAccessDisabled", "AccountProblem", "UnauthorizedAccess"}
_REPLACED = {"412", "PreconditionFailed"}
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
    "IncompleteRead", "ResponseStreamingError", "HTTPClientError", "HttpProcessingError",
}
_NO_ANSWER = {"HttpProcessingError", "BrokenAnswerError"}  # cut, or not HTTP
_BAD_CERTIFICATE = {"SSLCertVerificationError"}


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
        (code in _REPLACED, "was replaced on the service while it was read; run it again"),
        (code in _REFUSED, f"the service refuses the credentials ({code}): {advice}"),
        (forbidden, f"no permission to {verb} it ({code or 'Forbidden'})"),
        (is_missing(error), "no such key" if scheme_of(url) == "s3" else "no such file"),
        (code is not None, f"the service answers {code}{_pause_of(error)}"),
        (_is_any(error, _BAD_CERTIFICATE), f"its certificate is not valid: {_text_of(error)}"),
        (_is_any(error, _UNREACHABLE), f"the service cannot be reached: {_text_of(error)}"),
        (is_transient(error), f"the connection failed: {_text_of(error)}"),
    )
    return next((reason for applies, reason in reasons if applies), _text_of(error))


def _pause_of(error: Exception) -> str:
    """Return the end of a message that says how long the service asks to wait, if it does."""
    pause: float = getattr(error, "pause", 0.0)
    return f", and asks to wait for {pause:.0f} s" if pause else ""


def _text_of(error: Exception) -> str:
    """Return the first line of an exception's deepest cause that has a text, without secrets."""
    texts = (str(getattr(link, "message", "") or link).strip() for link in _chain(error))
    *_, text = ("", *filter(None, texts))
    text = str(redacted(text.partition("\n")[0]))
    return (text or type(error).__name__)[:_LONGEST_REASON]


def is_missing(error: BaseException) -> bool:
    """Return whether a service answered that there is no such file."""
    code = _code_of(error)
    if code is not None:
        return code in _MISSING
    return isinstance(error, FileNotFoundError) and not _is_any(error, _UNREACHABLE | _BROKEN)


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed a moment later."""
    code = _code_of(error)
    if _is_any(error, _BAD_CERTIFICATE):
        return False
    if code is not None:
        return code in _PASSING or (code.isdigit() and int(code) >= _FIRST_SERVER_ERROR)
    return _is_any(error, _UNREACHABLE | _BROKEN) or any(
        isinstance(link, ConnectionError | TimeoutError) for link in _chain(error)
    )


def is_broken(error: BaseException) -> bool:
    """Return whether an answer began and was cut, or did not go on."""
    return _is_any(error, {"BrokenAnswerError", "TimeoutError"})


def is_unreachable(error: BaseException) -> bool:
    """Return whether no connection to the service could be made."""
    return _code_of(error) is None and _is_any(error, _UNREACHABLE)


def _code_of(error: BaseException) -> str | None:
    """Return the HTTP status or S3 error code that a service answered; None without an answer."""
    if _is_any(error, _NO_ANSWER):  # their codes are the library's
        return None
    for link in _chain(error):
        response: Any = getattr(link, "response", None)
        if isinstance(response, dict) and isinstance(response.get("Error"), dict):
            return str(response["Error"].get("Code", ""))
        status = getattr(link, "status", None)
        status = getattr(link, "code", None) if status is None else status
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
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
