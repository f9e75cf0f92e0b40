"""Servers that lie or break down: each ends in the right mask or in one line, soon and cheaply."""

import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

from staticmask_cli import create_masks
from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.exposures.exposure import read_exposure
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.io.paths import stop_requests
from staticmask_cli.io.remote import web
from staticmask_cli.simulate.visit import Visit
from tests.support.lying_server import Lie, Request, lying_server

LATE = 100_000  # bytes; longer requests are of pixels
YEAR = str(365 * 86400)


def honest(request: Request) -> bool:
    request.answer()
    return True


def first(times: int, lie: Lie) -> Lie:
    """Lie in answer to the first requests only."""
    numbers = iter(range(times))

    def answer(request: Request) -> bool:
        return bool((honest if next(numbers, None) is None else lie)(request))

    return answer


def for_pixels(lie: Lie) -> Lie:
    """Lie in answer to requests of pixels only."""
    def answer(request: Request) -> bool:
        pixels = request.method == "GET" and len(request.asked) > LATE
        return bool((lie if pixels else honest)(request))

    return answer


def says(status: str, **headers: str) -> Lie:
    """Answer with a status and no content."""
    def answer(request: Request) -> bool:
        request.answer(status, b"", **headers)
        return True

    return answer


def with_headers(**headers: str) -> Lie:
    """Answer rightly but for these headers, which may use `start` and so on."""
    def answer(request: Request) -> bool:
        values = {"start": request.start, "last": request.stop - 1, "after": request.stop,
                  "size": len(request.server.content), "length": len(request.asked)}
        filled = {name: text.format(**values) for name, text in headers.items()}
        request.answer("", None, **filled)
        return False

    return answer


def sends(text: str, times: int = 1) -> Lie:
    """Send these bytes, whatever they are, and close the connection."""
    def answer(request: Request) -> bool:
        for _ in range(times):
            request.send(text.encode())
        return False

    return answer


def silent(request: Request) -> bool:
    request.wait()
    return False


def cut(part: float) -> Lie:
    """Send a part of the body and close the connection."""
    def answer(request: Request) -> bool:
        request.answer(body=request.asked[: int(len(request.asked) * part)],
                       content_length=str(len(request.asked)))
        return False

    return answer


def body_without_end(request: Request) -> bool:
    request.answer(body=request.asked, content_length=str(1 << 40))
    request.send_without_end(bytes(1 << 20))
    return False


def chunks_without_end(request: Request) -> bool:
    request.answer(body=b"", content_length="", transfer_encoding="chunked")
    request.send_without_end(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
    return False


def whole_file_without_end(request: Request) -> bool:
    request.answer("200 OK", b"", content_length="", transfer_encoding="chunked")
    request.send_without_end(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
    return False


def gzip_bomb(request: Request) -> bool:
    compress = zlib.compressobj(1, wbits=31)
    body = b"".join(compress.compress(bytes(1 << 16)) for _ in range(1 << 8)) + compress.flush()
    request.answer(body=body, content_encoding="gzip")
    return True


def drip(request: Request) -> bool:
    request.answer(body=b"", content_length=str(len(request.asked)))
    while not request.server.closing.is_set():
        request.send(b"x")
        request.wait(0.02)
    return False


def drip_of_headers(request: Request) -> bool:
    request.send(b"HTTP/1.1 206 Partial Content\r\nX: ")
    while not request.server.closing.is_set():
        request.send(b"x")
        request.wait(0.02)
    return False


def changed(request: Request) -> bool:
    request.answer(etag=f'"{request.number}"')
    return True


def one_byte(request: Request) -> bool:
    request.answer(body=b"x")
    return True


def web_page(request: Request) -> bool:
    request.answer("200 OK", b"<html>Please log in</html>", content_type="text/html")
    return True


def whole_file(request: Request) -> bool:
    request.answer("200 OK", request.server.content)
    return True


def redirect(target: str) -> Lie:
    return lambda request: says("302 Found", location=target.format(
        port=request.server.server_address[1]))(request)


def redirect_once(target: str) -> Lie:
    """Redirect to a path below /moved, where the file is."""
    moved = redirect(target)
    return lambda request: (honest if request.path.startswith("/moved") else moved)(request)


LIES: dict[str, tuple[Lie, str]] = {  # a name: how the server lies, and what the one line says
    "nothing is wrong": (honest, ""),
    "HEAD is refused": (
        lambda request: (says("405 No") if request.method == "HEAD" else honest)(request), ""),
    "cut before the headers": (for_pixels(first(1, sends(""))), ""),
    "cut in the headers": (first(1, sends("HTTP/1.1 206 Part")), ""),
    "cut after the headers": (for_pixels(first(1, cut(0))), ""),
    "cut in the body": (for_pixels(first(2, cut(0.5))), ""),
    "cut in a header of the file": (first(3, cut(0.5)), ""),
    "always cut": (for_pixels(cut(0)), "the connection failed: the connection was cut after"),
    "always cut before the headers": (sends(""), "the connection failed: Server disconnected"),
    "failures, then an answer": (first(3, says("503 No")), ""),
    "failures": (says("503 No"), "the service answers 503"),
    "a pause": (first(1, says("429 No", retry_after="0")), ""),
    "a pause of a year": (
        says("429 No", retry_after=YEAR),
        "the service answers 429, and asks to wait for 31536000 s"),
    "a pause until a date": (
        says("503 No", retry_after="Fri, 31 Dec 2100 23:59:59 GMT"),
        "the service answers 503, and asks to wait for"),
    "silent": (silent, "the connection failed: no answer within 0.3 s"),
    "silent with pixels": (for_pixels(silent), "the connection failed: no answer within 0.3 s"),
    "a byte now and then": (
        for_pixels(drip), "the connection failed: less than 65.* bytes arrived within 0.2 s"),
    "headers without end": (drip_of_headers, "the connection failed: no answer within 0.3 s"),
    "interim answers without end": (
        sends("HTTP/1.1 100 Continue\r\n\r\n", 1000), "the connection failed: "),
    "a header of a megabyte": (
        sends(f"HTTP/1.1 206 Yes\r\nX: {'x' * (1 << 20)}\r\n\r\n"), "the connection failed: "),
    "not HTTP": (sends("SSH-2.0-OpenSSH_9.6\r\n\r\n"), "the connection failed: "),
    "a body without end": (for_pixels(body_without_end), "the service sent 1099511627776 bytes"),
    "chunks without end": (for_pixels(chunks_without_end), "sends more bytes than were asked for"),
    "chunks of a page without end": (whole_file_without_end, "the server sends no parts of files"),
    "a gzip bomb": (for_pixels(gzip_bomb), "asked for bytes .*, the service sent .* bytes"),
    "a body too short": (
        one_byte,
        "asked for bytes 0 to 14400, the service sent 1 bytes"),
    "a length that is no number": (with_headers(content_length="x"), "the connection failed: "),
    "the wrong range": (
        with_headers(content_range="bytes {after}-{size}/{size}"),
        "asked for bytes 0 to 14400, the service sent bytes 14400 to"),
    "no range": (with_headers(content_range=""), "the service sent no range"),
    "a range that is none": (with_headers(content_range="bytes 0-x/y"), "the service sent bytes"),
    "no size": (
        with_headers(content_range="bytes {start}-{last}/*"), "does not report its size"),
    "an absurd size": (
        with_headers(content_range="bytes {start}-{last}/999999999999999999"),
        "asked for bytes .*, the service sent bytes"),
    "the whole file instead of pixels": (
        for_pixels(whole_file), "the server sends no parts of files"),
    "no such range": (says("416 No"), "the service has no such bytes .416."),
    "an empty file": (says("416 No", content_range="bytes */0"), "is empty"),
    "nothing": (says("204 No Content"), "the service answers 204"),
    "another version in between": (changed, "was replaced on the server while it was read"),
    "pixels of another version": (
        for_pixels(with_headers(etag='"two"')), "was replaced on the server while it was read"),
    "a web page": (web_page, "the server sends a web page, expected a file"),
    "a web page that is gone": (says("410 Gone"), "no such file"),
    "a redirect on the host": (redirect_once("/moved"), ""),
    "a redirect to another host": (redirect_once("http://localhost:{port}/moved"), ""),
    "redirects without end": (redirect("/a"), "the server redirects without end"),
    "a redirect to no web address": (
        redirect("file:///etc/passwd"), "redirects to file:///etc/passwd, which is no web address"),
    "a redirect to nothing": (redirect("http://"), "which is no web address"),
}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for less long than users do between tries, and forget services that were down."""
    monkeypatch.setattr("staticmask_cli.io.remote.waiting._WAITS", (0.01, 0.02, 0.03))
    monkeypatch.setattr("staticmask_cli.io.remote.filesystem._DOWN", {})


@pytest.fixture(scope="module")
def content(visit: Visit) -> bytes:
    return Path(visit.paths[0]).read_bytes()


def pixels(path: str) -> npt.NDArray[np.float32]:
    """Read all chips of an exposure, as a run does."""
    return np.stack([read_pixels(chip)[0] for chip in read_exposure(path).chips])


@pytest.mark.parametrize("name", LIES)
def test_a_lying_server_is_reported_in_one_line_soon(
    name: str, content: bytes, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    lie, line = LIES[name]
    if " within " in line:  # others need not wait, so that they cannot fail on a busy machine
        monkeypatch.setenv("STATICMASK_REMOTE_WAIT", "0.2")
    begun = time.monotonic()
    with lying_server(content, lie) as server:
        if line:
            with pytest.raises(InputError, match=line) as caught:
                pixels(server.url)
            assert str(caught.value).startswith(server.url)
            assert str(caught.value).count("\n") == 0
        else:
            np.testing.assert_array_equal(pixels(server.url), pixels(visit.paths[0]))
        assert server.sent < 3e7  # most of which may be in buffers of the network
    assert time.monotonic() - begun < 5


def test_pixels_are_fetched_without_asking_for_the_file_again(content: bytes) -> None:
    with lying_server(content, honest) as server:
        chips = read_exposure(server.url, dq=False).chips
        headers = len(server.requests)
        for chip in chips:
            read_pixels(chip)
        assert len(server.requests) == headers + len(chips)


def test_a_file_that_was_replaced_after_its_headers_were_read_is_refused(content: bytes) -> None:
    with lying_server(content, honest) as server:
        chip = read_exposure(server.url).chips[0]
        server.lie = with_headers(etag='"two"')
        with pytest.raises(InputError, match=f"^{server.url}: was replaced on the server"):
            read_pixels(chip)
        pixels(server.url)


def test_a_server_that_went_away_is_tried_again_for_one_chip_only(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lying_server(content, honest) as server:
        chips = read_exposure(server.url).chips
        server.lie = sends("")  # which closes the connection that was kept
    tries, read = [], web.WebFile.read

    def counting(*asked: Any) -> None:  # noqa: ANN401
        tries.append(asked)
        read(*asked)

    monkeypatch.setattr(web.WebFile, "read", counting)
    for chip in chips:
        with pytest.raises(InputError, match=f"^{server.url}: the service cannot be reached"):
            read_pixels(chip)
    assert len(tries) == 4


@pytest.mark.parametrize("name", [
    "a body without end", "chunks without end", "chunks of a page without end", "a gzip bomb"])
def test_no_more_is_held_in_memory_than_was_asked_for(name: str, content: bytes) -> None:
    lie, line = LIES[name]
    with lying_server(content, lie) as server:
        tracemalloc.start()
        with pytest.raises(InputError, match=line):
            pixels(server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2 * len(content) + 10_000_000


def test_a_server_that_accepts_no_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATICMASK_REMOTE_WAIT", "0.2")
    with ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            other = sockets.enter_context(socket.socket())
            other.setblocking(False)  # noqa: FBT003 - so it is called
            other.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/a_flt.fits"
        with pytest.raises(InputError, match=f"^{url}: the .*: Connection timeout to host {url}$"):
            pixels(url)


def test_a_server_without_encryption_is_reported_in_one_line() -> None:
    def answer(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                with server.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.recv(1000)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/a_flt.fits"
        with pytest.raises(InputError, match=rf"^{url}: the service cannot be reached: .*SSL"):
            pixels(url)
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "[::1]", "2130706433"])
def test_a_public_server_cannot_redirect_into_a_private_network(
    host: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    privacy = web._privacy_of  # noqa: SLF001 - it is replaced below

    async def public_here(name: str) -> list[int]:
        return [0] if name == "localhost" else await privacy(name)

    monkeypatch.setattr(web, "_privacy_of", public_here)
    with lying_server(content, redirect(f"http://{host}:9/a")) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with pytest.raises(InputError, match=f"^{url}: the server redirects to .*private network"):
            pixels(url)
        assert len(server.requests) == 1


def test_another_host_is_named_once(
    content: bytes, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(web, "_NAMED", set())
    moved = redirect_once("http://localhost:{port}/moved")
    with lying_server(content, moved) as server:
        pixels(server.url)
    assert [record.getMessage() for record in caplog.records] == [
        "127.0.0.1 sends its files from another host, localhost"]


def test_a_user_and_password_do_not_follow_a_redirect_to_another_host(content: bytes) -> None:
    with lying_server(content, redirect_once("http://localhost:{port}/moved")) as server:
        pixels(server.url.replace("://", "://me:secretword@"))
        for request in server.requests:
            assert ("Authorization" in request) == request.startswith("GET /a_flt"), request


@pytest.mark.parametrize("seconds", ["x", "nan", "-1", "0", "inf"])
def test_a_longest_wait_that_is_none_is_refused(
    seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATICMASK_REMOTE_WAIT", seconds)
    with pytest.raises(ConfigError, match=r"STATICMASK_REMOTE_WAIT is .*expected a number"):
        pixels("http://127.0.0.1:9/a_flt.fits")


def test_threads_that_wait_for_a_silent_server_can_be_interrupted(
    content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATICMASK_REMOTE_WAIT", "60")
    begun = time.monotonic()
    with lying_server(content, silent) as server:
        threading.Timer(0.3, stop_requests).start()
        with pytest.raises(KeyboardInterrupt):
            create_masks([f"{server.url}?uri={number}" for number in range(3)])
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("lie", "line"), [
    (for_pixels(first(1, cut(0.5))), ""),
    (for_pixels(cut(0)), "the connection failed: the connection was cut after 0 of"),
    (for_pixels(body_without_end), "the service sends more bytes than were asked for"),
    (for_pixels(chunks_without_end), "the service sends more bytes than were asked for"),
    (for_pixels(with_headers(content_range="bytes 0-9/10")), "the service sent bytes 0-9/10"),
    (for_pixels(silent), "the connection failed: .* within"),
    (silent, "the connection failed: no answer within"),
    (for_pixels(says("412 No")), "was replaced on the service while it was read; run it again"),
])
def test_a_lying_object_store_is_reported_in_one_line_soon(
    lie: Lie, line: str, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3fs = pytest.importorskip("s3fs")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    if " within" in line:
        monkeypatch.setenv("STATICMASK_REMOTE_WAIT", "0.3")
    begun = time.monotonic()
    with lying_server(Path(visit.paths[0]).read_bytes(), lie) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url.rpartition("/")[0])
        s3fs.S3FileSystem.clear_instance_cache()
        if line:
            with pytest.raises(InputError, match=f"^s3://bucket/a_flt.fits: .*{line}"):
                pixels("s3://bucket/a_flt.fits")
        else:
            np.testing.assert_array_equal(pixels("s3://bucket/a_flt.fits"), pixels(visit.paths[0]))
        assert server.sent < 3e7
    s3fs.S3FileSystem.clear_instance_cache()
    assert time.monotonic() - begun < 5
