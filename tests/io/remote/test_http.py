"""Exposures on an HTTP server on loopback."""

import base64
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

from staticmask_cli import create_masks
from staticmask_cli.errors import InputError
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.simulate.visit import Visit
from tests.support.command import create, run

AUTHORIZED = "Basic " + base64.b64encode(b"me:secretword").decode()


class Server(ThreadingHTTPServer):
    """A server of some files that counts the bytes it sends and can be made to fail."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.failures: list[int] = []  # statuses of the next answers
        self.ranges = True
        self.private = False
        self.truncates = False
        self.sent = 0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Ignore clients that close the connection."""

    def put(self, path: str, content: bytes) -> str:
        """Store a file; return its URL."""
        self.files[path] = content
        return f"{self.url}/{path}"


class Handler(BaseHTTPRequestHandler):
    """A handler that answers with files or ranges of them."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        """Log nothing."""

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        """Send a file, a part of it, or an error."""
        server = self.server
        content = server.files.get(self.path.partition("?")[0].lstrip("/"))
        status = 200 if content is not None else 404
        if server.private and self.headers.get("Authorization") != AUTHORIZED:
            status = 401
        if server.failures:
            status = server.failures.pop(0)
        sent = content if status == 200 and content is not None else b""
        wanted = re.match(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        shown = None
        if wanted and sent and server.ranges:
            start, size = int(wanted[1]), len(sent)
            status, sent = 206, sent[start : int(wanted[2]) + 1]
            shown = f"bytes {start}-{start + len(sent) - 1}/{size}"
        if server.truncates and len(sent) > 100_000:
            sent = sent[:-1]
        self.send_response(status)
        if shown:
            self.send_header("Content-Range", shown)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if body:
            server.sent += len(sent)
            self.wfile.write(sent)


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running server."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def urls(server: Server, visit: Visit) -> list[str]:
    """Store four exposures; return their URLs."""
    return [server.put(f"visit/{Path(path).name}", Path(path).read_bytes())
            for path in visit.paths]


def test_exposures_on_a_server_are_read_in_parts(
    server: Server, urls: list[str], visit: Visit, tmp_path: Path
) -> None:
    here = create_masks(list(visit.paths), output_dir=tmp_path / "here")
    there = create_masks(urls, output_dir=tmp_path / "there")
    assert [mask.nbad for mask in there] == [mask.nbad for mask in here]
    pixels = 4 * 2 * 150 * 220 * 4  # SCI of two chips in four exposures
    assert pixels < server.sent < 0.75 * sum(map(len, server.files.values()))


def test_a_password_and_a_signature_are_used_but_never_shown(
    server: Server, urls: list[str], tmp_path: Path
) -> None:
    server.private = True
    host = server.url.removeprefix("http://")
    words = [url.replace("://", "://me:secretword@") + "?X-Signature=a%2Fsecretword"
             for url in urls]
    code, output = create(",".join(words[:2]), *words[2:], "-o", tmp_path, "--log-file",
                       tmp_path / "log.txt", "--report", tmp_path / "run.json",
                       "--save-config", tmp_path / "run.cfg")
    assert code == 0, output
    for path in tmp_path.iterdir():
        assert b"secretword" not in path.read_bytes(), path
    mask = StaticMask.read(str(tmp_path / "ACSWFC_150x220_1_staticMask.fits"))
    assert [member.label.file for member in mask.members] == urls
    wrong = f"http://me:otherword@{host}/visit/{Path(urls[0]).name}"
    code, output = create(wrong, "-o", tmp_path)
    refused = "the service refuses the credentials (401): check user and password"
    assert (code, output) == (1, f"Error: {urls[0]}: {refused}\n")
    code, output = create(words[0], words[0] + "2", "-o", tmp_path)
    alike = "2 inputs differ only in user, password or query, which are not shown"
    assert (code, output) == (1, f"Error: {urls[0]}: {alike}\n")


def test_the_members_of_a_protected_association_are_read_with_its_password(
    server: Server, urls: list[str], tmp_path: Path
) -> None:
    server.private = True
    names = ", ".join(f'{{"expname": "{Path(url).name}", "exptype": "science"}}' for url in urls)
    url = server.put("visit/j_asn.json", f'{{"products": [{{"members": [{names}]}}]}}'.encode())
    code, output = create(url.replace("://", "://me:secretword@"), "-o", tmp_path)
    assert code == 0, output
    mask = StaticMask.read(str(tmp_path / "ACSWFC_150x220_1_staticMask.fits"))
    assert [member.label.file for member in mask.members] == urls


@pytest.mark.parametrize("word", ["https://me:se/cret@127.0.0.1:9/a_flt.fits", "http://me:sec#ret@h/a",
                                  "s3://me:se/cret@bucket/a.fits", "http://me:/sec?ret@h/*.fits"])
def test_a_password_with_a_slash_is_refused_without_being_shown(word: str) -> None:
    code, output = create(word)
    host = word.partition("@")[2]
    shown = f"{word.partition('://')[0]}://{host}"
    advice = "its password has a / ? or #; write %2F, %3F or %23 instead"
    assert (code, output) == (1, f"Error: {shown}: {advice}\n")


@pytest.mark.parametrize("statuses", [[503], [429, 500, 504]])
def test_a_request_that_fails_for_a_moment_is_repeated(
    server: Server, urls: list[str], statuses: list[int], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("staticmask_cli.io.remote.waiting._WAITS", (0.01, 0.02, 0.03))
    server.failures += statuses
    code, output = create(urls[0], "-o", tmp_path)
    assert (code, server.failures) == (0, []), output


@pytest.mark.parametrize(
    ("status", "line"),
    [(403, "no permission to read it (403)"), (404, "no such file"),
     (500, "the service answers 500"), (418, "the service answers 418")],
)
def test_a_request_that_keeps_failing_is_reported_in_one_line(
    server: Server, urls: list[str], status: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staticmask_cli.io.remote.waiting._WAITS", (0.01,))
    server.failures += [status] * 50
    assert create(urls[0]) == (1, f"Error: {urls[0]}: {line}\n")


def test_a_server_that_does_not_answer_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("staticmask_cli.io.remote.waiting._WAITS", (0.01,))
    code, output = create("http://127.0.0.1:9/a_flt.fits")
    assert code == 1
    assert output.startswith("Error: http://127.0.0.1:9/a_flt.fits: the service cannot be reached:")
    assert output.count("\n") == 1


def test_a_server_without_ranges_is_refused_unless_the_file_is_small(
    server: Server, urls: list[str], tmp_path: Path
) -> None:
    server.ranges = False
    assert create_masks(urls[0], output_dir=tmp_path)
    server.put(urls[0].removeprefix(f"{server.url}/"), bytes(1 << 21))
    with pytest.raises(InputError, match=f"^{urls[0]}: the server sends no parts of files; copy"):
        create_masks(urls[0])


def test_a_server_that_sends_too_little_is_refused(server: Server, urls: list[str]) -> None:
    server.truncates = True
    with pytest.raises(InputError, match=f"^{urls[0]}: asked for bytes .* the service sent"):
        create_masks(urls[0])


def test_a_pattern_matches_the_links_of_a_page_that_lie_in_its_folder(
    server: Server, urls: list[str], tmp_path: Path
) -> None:
    links = "".join(f'<a href="{Path(url).name}">x</a>' for url in urls)
    evil = '<a href="http://127.0.0.1:9/a_flt.fits">x</a> <a href="../b_flt.fits">x</a>'
    server.put("visit/", f"<html>{links}{evil}</html>".encode())
    server.put("visit", server.files["visit/"])
    masks = create_masks(f"{server.url}/visit/*flt.fits", output_dir=tmp_path)
    assert [member.label.file for member in masks[0].members] == urls
    with pytest.raises(InputError, match=f"^{server.url}/none: no such file$"):
        create_masks(f"{server.url}/none/*flt.fits")


def test_a_mask_on_a_server_can_be_inspected(server: Server, visit: Visit, tmp_path: Path) -> None:
    mask = create_masks(list(visit.paths), output_dir=tmp_path)[0]
    url = server.put("mask.fits", Path(str(mask.path)).read_bytes())
    result = run("inspect", f"{url}?sig=secretword")
    assert result.exit_code == 0, result.output
    assert "checksum   right" in result.output
    assert "secretword" not in result.output


def test_a_file_that_was_replaced_is_not_read_with_the_old_headers(
    server: Server, urls: list[str], tmp_path: Path
) -> None:
    first = create_masks(urls[0], output_dir=tmp_path)[0]
    with fits.open(tmp_path / Path(str(first.path)).name) as hdus:
        assert hdus[0].shape == (150, 220)
    name = urls[0].removeprefix(server.url).lstrip("/")
    server.files[name] = server.files[name] + bytes(2880)
    again = create_masks(urls[0], output_dir=tmp_path)[0]
    np.testing.assert_array_equal(first.array, again.array)
