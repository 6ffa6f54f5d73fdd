"""Addresses that are compared and not read."""

from uuid import UUID

import pytest

from app.core.addresses import address_hash, address_key, network_of

KEY = address_key("a-secret-of-32-characters-at-least", UUID(int=1))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("203.0.113.007", None),
        ("203.0.113.7/24", None),
        ("example.org", None),
        ("", None),
    ],
)
def test_one_place_in_the_network(address: str, network: str | None) -> None:
    assert network_of(address) == network


def test_the_hash_is_the_same_for_one_place_and_one_tenant_only() -> None:
    here = address_hash(KEY, "2001:db8:1:2::1")
    assert here == address_hash(KEY, "2001:db8:1:2:ffff::9")
    assert here is not None
    assert len(here) == 43
    assert here != address_hash(KEY, "2001:db8:1:3::1")
    assert here != address_hash(address_key("a-secret-of-32-characters-at-least", UUID(int=2)), "2001:db8:1:2::1")
    assert here != address_hash(address_key("another-secret-of-32-characters-or", UUID(int=1)), "2001:db8:1:2::1")


@pytest.mark.parametrize("address", [None, "", "nowhere"])
def test_no_address_has_no_hash(address: str | None) -> None:
    assert address_hash(KEY, address) is None
