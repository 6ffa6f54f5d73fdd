"""Which addresses may be connected to: every way of writing one that is ours, and those of the internet beside them."""

import pytest

from app.core.outbound.ranges import is_public, network

OURS = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2001:0:7f00:1::1",
    "2001:db8::1",
    "2606:4700::5efe:7f00:1",
    "2606:4700::200:5efe:a00:1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "2606:4700::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "",
    "localhost",
    "127.1",
    "2130706433",
]
THE_INTERNET_S = [
    "1.1.1.1",
    "172.32.0.1",
    "192.167.255.255",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::200e",
    "::ffff:1.1.1.1",
    "64:ff9b::101:101",
    "2002:101:101::1",
]


@pytest.mark.parametrize("address", OURS)
def test_what_leads_into_our_own_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", THE_INTERNET_S)
def test_what_is_the_internet_s_is(address: str) -> None:
    assert is_public(address)


def test_what_is_allowed_by_name_may_be_connected_to_however_it_is_written() -> None:
    allowed = [network("10.1.0.0/16"), network("::1/128")]
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "::1"):
        assert is_public(address, allowed), address
    for address in ("10.2.0.1", "127.0.0.1", "::ffff:10.2.0.1"):
        assert not is_public(address, allowed), address
