"""An S3 service on loopback, moto's, that counts what it sends."""

import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from moto import settings
from moto.core.responses import ActionAuthenticatorMixin
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

BUCKET = "archive"
POLICY = """{"Version": "2012-10-17",
 "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"""


@dataclass
class Service:
    """A service that runs.

    Attributes
    ----------
    url : str
        Its endpoint.
    requests : list of tuple
        Method, path and bytes of the body that it sent, of each request.
    failures : list of int
        HTTP statuses of the next answers, which have no content.
    """

    url: str = ""
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """Bytes of all bodies."""
        return sum(size for _, _, size in self.requests)

    def client(self, name: str = "s3") -> Any:  # noqa: ANN401 - boto3 makes its classes
        return boto3.client(name, endpoint_url=self.url, region_name="us-east-1",
                            aws_access_key_id="boss", aws_secret_access_key="boss")  # noqa: S106

    def put(self, key: str, path: str | Path) -> str:
        """Store a file; return its URL."""
        self.client().put_object(Bucket=BUCKET, Key=key, Body=Path(path).read_bytes())
        return f"s3://{BUCKET}/{key}"

    def user(self, name: str, policy: str | None) -> tuple[str, str]:
        """Make a user with a policy; return the two keys."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        if policy is not None:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    @contextmanager
    def checking_credentials(self) -> Iterator[None]:
        """Let the service refuse who is unknown."""
        before = settings.INITIAL_NO_AUTH_ACTION_COUNT
        settings.INITIAL_NO_AUTH_ACTION_COUNT = 0.0
        ActionAuthenticatorMixin.request_count = 0
        try:
            yield
        finally:
            settings.INITIAL_NO_AUTH_ACTION_COUNT = before


class _Quiet(WSGIRequestHandler):  # type: ignore[misc, unused-ignore]
    protocol_version = "HTTP/1.1"

    def log(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def s3_service() -> Iterator[Service]:
    """Run a service with an empty bucket until the block ends."""
    service = Service()
    app = DomainDispatcherApplication(create_backend_app)

    def counting(environ: dict[str, Any], start: Any) -> Iterable[bytes]:  # noqa: ANN401
        what = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if service.failures:
            start(f"{service.failures.pop(0)} Sorry", [("Content-Length", "0")])
            service.requests.append((*what, 0))
            return [b""]
        body = b"".join(app(environ, start))
        service.requests.append((*what, len(body)))
        return [body]

    server = make_server("127.0.0.1", 0, counting, threaded=True, request_handler=_Quiet)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        service.client().create_bucket(Bucket=BUCKET)
        service.requests.clear()
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def as_user(monkeypatch: Any, service: Service | None, key: str, secret: str) -> None:  # noqa: ANN401
    """Set the standard environment variables."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    if service is not None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
