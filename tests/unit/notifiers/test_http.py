"""One POST to a real server that behaves, and to many that do not."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from supervisor.notifiers.aside import Aside
from supervisor.notifiers.http import ANSWER_SHOWN, Poster
from supervisor.notifiers.sink import NotSent
from supervisor.testing.clock import VirtualClock
from supervisor.testing.receiver import OK, Receiver, answering, endless, receiver, reset, status

BODY = b'{"v":1}'


@pytest.fixture
def poster(clock: VirtualClock) -> Poster:
    return Poster(clock=clock, aside=Aside(), deadline_s=10.0)


async def refused(poster: Poster, url: str, *, hide: tuple[str, ...] = ()) -> NotSent:
    with pytest.raises(NotSent) as refusal:
        await poster.post(url, BODY, {"X-Id": "1"}, allow_private=False, hide=hide)
    assert "s3cr3t" not in refusal.value.words
    assert "another-secret" not in refusal.value.words
    assert refusal.value.words.isprintable()
    return refusal.value


async def test_the_body_and_headers_arrive_as_they_are(poster: Poster, server: Receiver) -> None:
    assert await poster.post(server.url, BODY, {"X-Id": "1"}, allow_private=False) == "status 200"
    (got,) = server.received
    assert got.body == BODY
    assert got.path == "/hook/s3cr3t-t0ken?key=another-secret"
    assert got.headers["host"] == server.url.split("/")[2]
    assert got.headers["x-id"] == "1"
    assert got.headers["accept-encoding"] == "identity"
    assert got.headers["content-length"] == str(len(BODY))


@pytest.mark.parametrize("code", [200, 201, 202, 204])
async def test_every_kind_of_yes_is_one(poster: Poster, server: Receiver, code: int) -> None:
    server.manner = status(code)
    assert await poster.post(server.url, BODY, {}, allow_private=False) == f"status {code}"


async def test_a_yes_is_enough_though_its_body_never_ends(poster: Poster, server: Receiver) -> None:
    async def yes_and_silence(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        await writer.drain()
        await server.over.wait()

    server.manner = yes_and_silence
    assert await poster.post(server.url, BODY, {}, allow_private=False) == "status 200"


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_what_may_pass_is_tried_again(poster: Poster, server: Receiver, code: int) -> None:
    server.manner = status(code, b"busy")
    refusal = await refused(poster, server.url)
    assert (refusal.again, refusal.words, refusal.after_s) == (True, f"status {code}: busy", None)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 413])
async def test_what_will_not_pass_is_not(poster: Poster, server: Receiver, code: int) -> None:
    server.manner = status(code, b"no", retry_after="5")
    refusal = await refused(poster, server.url)
    assert (refusal.again, refusal.after_s) == (False, None)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0", 0.0), ("later", None), ("-5", None), ("", None), ("9" * 40, 999_999_999.0)],
)
async def test_retry_after_in_seconds_is_read(
    poster: Poster, server: Receiver, header: str, seconds: float | None
) -> None:
    server.manner = status(429, retry_after=header)
    assert (await refused(poster, server.url)).after_s == seconds


async def test_retry_after_as_a_date_is_read(poster: Poster, server: Receiver, clock: VirtualClock) -> None:
    clock.jump(1_700_000_000 - clock.now())
    server.manners = [
        status(503, retry_after="Tue, 14 Nov 2023 22:13:50 GMT"),
        status(503, retry_after="Tue, 14 Nov 2000 22:13:50 GMT"),
    ]
    assert (await refused(poster, server.url)).after_s == pytest.approx(30.0)
    assert (await refused(poster, server.url)).after_s == 0.0


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(poster: Poster, server: Receiver, code: int) -> None:
    async with receiver() as elsewhere:
        server.manner = status(code, location=elsewhere.url)
        refusal = await refused(poster, server.url)
        assert elsewhere.received == []
    assert (refusal.again, refusal.words) == (False, f"status {code}: redirects are not followed")


async def test_a_broken_connection_is_tried_again(poster: Poster, server: Receiver) -> None:
    server.manner = reset
    refusal = await refused(poster, server.url)
    assert (refusal.again, refusal.words) == (True, "the connection broke")


@pytest.mark.parametrize("noise", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100_000])
async def test_what_is_no_http_is_tried_again(poster: Poster, server: Receiver, noise: bytes) -> None:
    server.manner = answering(noise)
    assert (await refused(poster, server.url)).again


async def test_a_closed_port_is_tried_again(poster: Poster, server: Receiver) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refusal = await refused(poster, f"http://127.0.0.1:{taken.getsockname()[1]}/s3cr3t")
    assert (refusal.again, refusal.words) == (True, "no connection to its host")


async def test_a_silent_server_is_given_up_at_the_deadline(clock: VirtualClock, server: Receiver) -> None:
    server.manner = server.hanging()
    began = time.monotonic()
    refusal = await refused(Poster(clock=clock, aside=Aside(), deadline_s=0.2), server.url)
    assert (refusal.again, refusal.words) == (True, "no answer within 0.2 s")
    assert time.monotonic() - began < 5.0


async def test_a_server_that_never_ends_its_refusal_is_cut_off(poster: Poster, server: Receiver) -> None:
    server.manner = endless
    refusal = await refused(poster, server.url)
    assert refusal.words.startswith("status 500: \\x1b[2Jspam \\x1b[2Jspam")
    assert len(refusal.words) <= len("status 500: ") + ANSWER_SHOWN


async def test_an_answer_that_drips_is_given_up_at_the_deadline(
    clock: VirtualClock, server: Receiver
) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 500 Said\r\n\r\n")
        while not server.over.is_set():
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    server.manner = drip
    refusal = await refused(Poster(clock=clock, aside=Aside(), deadline_s=0.3), server.url)
    assert refusal.words == "no answer within 0.3 s"


async def test_an_answer_that_echoes_the_url_or_the_secret_is_shown_without(
    poster: Poster, server: Receiver
) -> None:
    echo = f"bad hook {server.url} s3cr3t-t0ken another-secret sign-with-this".encode()
    server.manner = status(400, echo)
    refusal = await refused(poster, server.url, hide=("sign-with-this",))
    assert "sign-with-this" not in refusal.words
    assert refusal.words.startswith("status 400: bad hook …")


async def test_nothing_of_the_url_is_logged(
    poster: Poster, server: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(1):
        await poster.post(server.url, BODY, {}, allow_private=False)
        server.manner = status(500)
        await refused(poster, server.url)
    assert "httpcore2" in {record.name.split(".")[0] for record in caplog.records}, "the library does speak"
    assert "s3cr3t" not in caplog.text
    assert "another-secret" not in caplog.text


async def test_proxies_of_the_environment_are_not_used(
    poster: Poster, server: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    assert await poster.post(server.url, BODY, {}, allow_private=False) == "status 200"


async def test_a_name_that_hangs_in_the_resolver_holds_nobody_up(clock: VirtualClock) -> None:
    gate = threading.Event()

    def hang(_host: str, _port: int) -> list[str]:
        gate.wait(30)
        return []

    poster = Poster(clock=clock, aside=Aside(limit=3), deadline_s=0.2, lookup=hang)
    began = time.monotonic()
    words = [(await refused(poster, "https://hooks.example.org/s3cr3t")).words for _ in range(4)]
    gate.set()
    assert words == ["no answer within 0.2 s"] * 3 + ["too many calls of the system hang"]
    assert time.monotonic() - began < 10.0


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (socket.gaierror(-2, "s3cr3t"), "the host of its URL has no address"),
        (OSError("s3cr3t"), "the host of its URL cannot be looked up"),
        (UnicodeError("s3cr3t"), "the host of its URL cannot be looked up"),
    ],
)
async def test_a_name_without_address_is_tried_again(
    clock: VirtualClock, failure: Exception, words: str
) -> None:
    def fail(_host: str, _port: int) -> list[str]:
        raise failure

    refusal = await refused(
        Poster(clock=clock, aside=Aside(), lookup=fail), "https://hooks.example.org/s3cr3t"
    )
    assert (refusal.again, refusal.words) == (True, words)


async def test_the_next_address_is_tried_where_one_takes_no_connection(
    clock: VirtualClock, server: Receiver
) -> None:
    poster = Poster(clock=clock, aside=Aside(), lookup=lambda _host, _port: ["127.9.9.9", "127.0.0.1"])
    assert await poster.post(server.url, BODY, {}, allow_private=False) == "status 200"


async def test_the_connection_goes_to_the_address_that_was_judged(
    clock: VirtualClock, server: Receiver
) -> None:
    """A name that leads to a harmless place when it is judged and to another a moment later gains nothing."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    poster = Poster(clock=clock, aside=Aside(), lookup=lambda _host, _port: answers.pop(0))
    url = server.url.replace("127.0.0.1", "rebinding.example.org")
    assert await poster.post(url, BODY, {}, allow_private=False) == "status 200"
    assert server.received[0].headers["host"].startswith("rebinding.example.org:")
    refusal = await refused(poster, url)
    assert not refusal.again
    assert len(server.received) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=hooks.test", "-addext", "subjectAltName=DNS:hooks.test"),
            *("-keyout", str(path), "-out", f"{path}.crt"),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.fixture
def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trusting(certificate: Path) -> Callable[[], ssl.SSLContext]:
    return lambda: ssl.create_default_context(cafile=str(certificate))


async def test_tls_proves_the_name_although_the_address_is_connected_to(
    clock: VirtualClock, served: ssl.SSLContext, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poster = Poster(clock=clock, aside=Aside(), lookup=lambda _host, _port: ["127.0.0.1"])
    poster._context = trusting(certificate)()
    async with receiver(tls=served) as secure:
        named = secure.url.replace("127.0.0.1", "hooks.test")
        assert await poster.post(named, BODY, {}, allow_private=False) == "status 200"
        refusal = await refused(poster, secure.url.replace("127.0.0.1", "other.test"))
        assert (refusal.again, refusal.words) == (False, "the certificate of its host is not trusted")
        assert len(secure.received) == 1


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    poster: Poster, served: ssl.SSLContext
) -> None:
    async with receiver(tls=served) as secure:
        assert (await refused(poster, secure.url)).words == "the certificate of its host is not trusted"
        assert secure.received == []
        assert (await refused(poster, secure.url.replace("https", "http"))).again  # plain words to a TLS port


def test_the_plain_answer_is_what_servers_say() -> None:
    assert OK.startswith(b"HTTP/1.1 200")
