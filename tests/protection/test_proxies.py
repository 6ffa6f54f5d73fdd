"""Whose word about addresses and schemes is believed."""

from typing import Any

import pytest

from app.api.proxies import Proxies
from app.settings import SettingsError, load_settings

OURS = ("10.0.0.0/8", "127.0.0.1/32", "fd00:1::/64")


async def seen(peer: str | None, *headers: tuple[str, str], kind: str = "http") -> tuple[str | None, str]:
    """The address and the scheme that an application sees."""
    scope: dict[str, Any] = {
        "type": kind,
        "scheme": "http" if kind == "http" else "ws",
        "client": None if peer is None else (peer, 4711),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in headers],
    }
    await Proxies(OURS).look_behind(scope)
    return (scope["client"] or (None,))[0], scope["scheme"]


FOR, PROTO = "X-Forwarded-For", "X-Forwarded-Proto"


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.1.2.3", "203.0.113.7", "203.0.113.7"),
        # As a server that listens on both kinds sees a proxy.
        ("::ffff:10.1.2.3", "203.0.113.7", "203.0.113.7"),
        ("fd00:1::7", "2001:db8::7", "2001:db8::7"),
        ("10.1.2.3", "[2001:db8::7]:4711", "2001:db8::7"),
        ("10.1.2.3", "203.0.113.7:4711", "203.0.113.7"),
        # What somebody wrote in front of what our proxies say.
        ("10.1.2.3", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("10.1.2.3", "10.9.9.9, 203.0.113.7, 10.4.4.4", "203.0.113.7"),
        # Not one of ours: its own address, whatever it says.
        ("203.0.113.9", "10.0.0.1", "203.0.113.9"),
        ("11.0.0.1", "203.0.113.7", "11.0.0.1"),
        ("::ffff:11.0.0.1", "203.0.113.7", "::ffff:11.0.0.1"),
        ("127.0.0.2", "203.0.113.7", "127.0.0.2"),
        # Nonsense is no address, and not the proxy's either.
        ("10.1.2.3", "unknown", None),
        ("10.1.2.3", "<script>", None),
        ("10.1.2.3", "203.0.113.7, " + "9" * 5_000, None),
        # Who says nothing leaves it with the proxy.
        ("10.1.2.3", "203.0.113.7,", "10.1.2.3"),
        (None, "203.0.113.7", None),
    ],
)
async def test_an_address_is_taken_from_our_proxies_only(
    peer: str | None, forwarded: str, expected: str | None
) -> None:
    for kind in ("http", "websocket"):
        assert (await seen(peer, (FOR, forwarded), kind=kind))[0] == expected


async def test_a_header_sent_twice_is_one_list() -> None:
    assert (await seen("10.1.2.3", (FOR, "198.51.100.1"), (FOR, "203.0.113.7")))[0] == "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "proto", "http", "websocket"),
    [
        ("10.1.2.3", "https", "https", "wss"),
        ("10.1.2.3", "http", "http", "ws"),
        ("10.1.2.3", "javascript", "http", "ws"),
        ("203.0.113.9", "https", "http", "ws"),
    ],
)
async def test_a_scheme_is_taken_from_our_proxies_only(peer: str, proto: str, http: str, websocket: str) -> None:
    assert (await seen(peer, (PROTO, proto)))[1] == http
    assert (await seen(peer, (PROTO, proto), kind="websocket"))[1] == websocket


async def test_without_the_setting_nobody_is_believed() -> None:
    scope: dict[str, Any] = {"type": "http", "scheme": "http", "client": ("127.0.0.1", 1), "headers": []}
    scope["headers"] = [(b"x-forwarded-for", b"203.0.113.7"), (b"x-forwarded-proto", b"https")]
    await Proxies(()).look_behind(scope)
    assert (scope["client"], scope["scheme"]) == (("127.0.0.1", 1), "http")


def test_a_setting_that_is_no_network_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQ_TRUSTED_PROXIES", "10.0.0.1,proxy.internal")
    with pytest.raises(SettingsError, match=r"VQ_TRUSTED_PROXIES: `proxy\.internal` is not a network"):
        load_settings()
