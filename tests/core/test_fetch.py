"""Fetching what somebody else has named, from real servers: what is refused before connecting, and what is bounded."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.core.outbound import Answer, NoAnswer, fetch, network
from tests.support.origin import ok, serving

LOOPBACK = [network("127.0.0.0/8"), network("::1/128")]


async def get(url: str, allowed: list[Any] | None = None, timeout_seconds: float = 5.0) -> Answer:
    return await fetch(
        url, timeout_seconds=timeout_seconds, body_bytes=1_000, allowed=LOOPBACK if allowed is None else allowed
    )


async def refused(url: str, **given: Any) -> str:
    with pytest.raises(NoAnswer) as refusal:
        await get(url, **given)
    return refusal.value.reason


async def test_an_answer_is_read() -> None:
    async with serving(ok(b'{"status":"ok"}')) as here:
        answer = await get(here.url)
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b'{"status":"ok"}')
    assert here.asked[0].startswith(b"GET /health HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{here.port}".encode() in here.asked[0].lower()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_nothing_is_asked_in_our_own_network_however_it_is_written(host: str) -> None:
    async with serving(ok()) as here:
        reason = await refused(f"http://{host}:{here.port}/", allowed=[])
        assert reason == "The address leads into an internal network, which is not asked."
        assert here.asked == []


async def test_a_name_with_one_internal_address_among_others_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(ok()) as here:
        resolved(monkeypatch, ["127.0.0.1", "10.0.0.1"])
        assert "internal network" in await refused(f"http://origin.example:{here.port}/")
        assert here.asked == []


async def test_the_connection_goes_to_what_was_checked_and_the_name_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name that is another address the second time."""
    async with serving(ok()) as here:
        asked = resolved(monkeypatch, ["127.0.0.1"], then=["10.0.0.1"])
        answer = await get(f"http://origin.example:{here.port}/")
        assert (answer.status, asked) == (200, ["origin.example"])
        assert f"host: origin.example:{here.port}".encode() in here.asked[0].lower()


async def test_the_second_address_is_tried_where_the_first_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(ok()) as here:
        resolved(monkeypatch, ["127.0.0.2", "127.0.0.1"])
        assert (await get(f"http://origin.example:{here.port}/")).status == 200


def resolved(monkeypatch: pytest.MonkeyPatch, first: list[str], then: list[str] | None = None) -> list[str]:
    """Let a name have these addresses; what is asked for from now on."""
    asked: list[str] = []
    really = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if not str(host).endswith(".example"):
            return really(host, port, *args, **options)
        found = first if not asked or then is None else then
        asked.append(str(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    async with serving(ok()) as inside:
        moved = f"HTTP/1.1 302 Found\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
        async with serving(moved) as here:
            assert (await get(here.url)).status == 302
        assert inside.asked == []


async def test_time_is_bounded_whatever_the_site_does_with_it() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def dripping(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    for answer in (silent, dripping):
        async with serving(answer) as here:
            body_bytes = 10**9
            with pytest.raises(NoAnswer, match=r"No answer within 0\.2 s"):
                await fetch(here.url, timeout_seconds=0.2, body_bytes=body_bytes, allowed=LOOPBACK)


async def test_names_nobody_answers_for_keep_nobody_else_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names such an address has no say in when jobs are sent, or other sites asked."""
    async with serving(ok()) as here:
        with _silent_names(monkeypatch):
            silent = [refused(f"http://{number}.silent.example/", timeout_seconds=0.1) for number in range(40)]
            assert set(await asyncio.gather(*silent)) == {"No answer within 0.1 s."}
            async with asyncio.timeout(20):
                assert await asyncio.to_thread(lambda: "sent") == "sent"
                assert (await get(f"http://localhost:{here.port}/")).status == 200


@contextmanager
def _silent_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Looking up names of `silent.example` takes until the end of the block."""
    over, really = Event(), socket.getaddrinfo

    def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        if str(host).endswith(".silent.example"):
            over.wait(60)
            raise socket.gaierror(socket.EAI_AGAIN, "no name server answers")
        return really(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        yield
    finally:
        over.set()


async def test_so_much_is_read_and_no_more() -> None:
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(ok(b""))
        while sent < 200_000_000:
            writer.write(b"x" * 65_536)
            sent += 65_536
            await writer.drain()

    async with serving(endless) as here:
        answer = await get(here.url)
    assert answer.body == b"x" * 1_000
    assert sent < 20_000_000


async def test_endless_headers_are_not_waited_for() -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-More: " + b"x" * 8_000 + b"\r\n")
            await writer.drain()

    async with serving(endless) as here:
        assert await refused(here.url) == "The connection broke, or what came was no HTTP."


@pytest.mark.parametrize("sent", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x00\x01\x02" * 100, b"HTTP/1.1 200 OK\r\nConte"])
async def test_what_is_no_http(sent: bytes) -> None:
    async with serving(sent) as here:
        assert await refused(here.url) == "The connection broke, or what came was no HTTP."


async def test_nobody_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert await refused(f"http://127.0.0.1:{port}/") == "Nobody answers at the address."


async def test_a_certificate_nobody_has_signed(tmp_path: Path) -> None:
    async with serving(ok(), secured=self_signed(tmp_path)) as here:
        reason = await refused(here.url.replace("http://", "https://"))
    assert reason == "The connection could not be secured: its certificate is not valid."
    assert here.asked == []


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate it has written itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "origin.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize(
    "url",
    [
        "",
        "origin",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://",
        "http://[::1/",
        "http://127.0.0.1:99999999/",
        "http://127.0.0.1:x/",
        "http://\x00/",
        "http://a b/",
        "http://é.example/",
        "http://" + "a" * 300 + ".example/",
    ],
)
async def test_what_is_no_address_has_no_answer(url: str) -> None:
    assert len(await refused(url)) > 10


async def test_a_reason_tells_nothing_of_the_network() -> None:
    """It is shown to whoever runs the queue: no address, no port, no error of the system's."""
    async with serving(b"") as here:
        for reason in (await refused(here.url), await refused(here.url, allowed=[])):
            assert not any(character.isdigit() for character in reason)


async def test_whoever_was_never_reached_has_done_nothing_and_whoever_was_may_have() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def may_have_arrived(url: str, allowed: list[Any]) -> bool:
        with pytest.raises(NoAnswer) as refusal:
            await fetch(url, timeout_seconds=0.2, body_bytes=1_000, allowed=allowed)
        return refusal.value.may_have_arrived

    async with serving(silent) as here:
        assert await may_have_arrived(here.url, LOOPBACK)
        assert not await may_have_arrived(here.url, [])
    async with serving(b"") as here:
        assert await may_have_arrived(here.url, LOOPBACK)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert not await may_have_arrived(f"http://127.0.0.1:{free.getsockname()[1]}/", LOOPBACK)


async def test_an_answer_that_is_no_tls_leaves_open_whether_it_has_arrived(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message would be handed to another provider as one that was certainly not sent."""

    async def in_the_open(writer: asyncio.StreamWriter) -> None:
        writer.transport._ssl_protocol._transport.write(ok())  # type: ignore[attr-defined]
        await asyncio.sleep(60)

    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    monkeypatch.setattr(httpcore, "AsyncConnectionPool", partial(httpcore.AsyncConnectionPool, ssl_context=trusting))
    async with serving(in_the_open, secured=self_signed(tmp_path)) as here:
        with pytest.raises(NoAnswer) as refusal:
            await get(here.url.replace("http://", "https://"))
    assert refusal.value.may_have_arrived


async def test_headers_are_found_by_their_names_in_small_letters() -> None:
    async with serving(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n") as here:
        assert (await get(here.url)).headers["retry-after"] == "7"
