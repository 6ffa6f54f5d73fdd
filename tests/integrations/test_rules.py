"""The pure rules of integrations, as tables."""

from datetime import timedelta

import pytest

from app.core.errors import InvalidInput
from app.integrations import rules
from app.integrations.adapters.interface import AdapterFailed
from app.integrations.models import RefundRule
from app.integrations.retrying import later


@pytest.mark.parametrize(
    ("failures", "wanted", "seconds"),
    [
        (1, None, None),
        (4, None, None),
        (4, 7, 7),
        (5, None, 30),
        (5, 7, 30),
        (5, 90, 90),
        (6, None, 60),
        (10, None, 600),
        (5_000, None, 600),
        (5_000, 3_600, 3_600),
    ],
)
def test_how_long_a_system_is_left_alone(failures: int, wanted: int | None, seconds: int | None) -> None:
    asked = None if wanted is None else timedelta(seconds=wanted)
    rest = rules.rest_after(failures, asked)
    assert (None if rest is None else rest.total_seconds()) == seconds


@pytest.mark.parametrize(
    ("rule", "was_called", "goes"),
    [
        (RefundRule.NEVER, False, False),
        (RefundRule.BEFORE_CALL, False, True),
        (RefundRule.BEFORE_CALL, True, False),
        (RefundRule.ALWAYS, False, True),
        (RefundRule.ALWAYS, True, True),
    ],
)
def test_what_goes_back(rule: RefundRule, was_called: bool, goes: bool) -> None:
    assert rules.goes_back(rule, was_called=was_called) is goes


ORIGINS = ["https://shop.example", "http://127.0.0.1:8000"]


@pytest.mark.parametrize(
    "url",
    ["https://shop.example", "https://shop.example:443/a?b=c#d", "https://SHOP.example/", "http://127.0.0.1:8000/x"],
)
def test_where_payers_come_back_to(url: str) -> None:
    assert rules.ensure_return_url(url, ORIGINS) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/back",
        "//shop.example/",
        "http://shop.example/",
        "https://shop.example:8443/",
        "https://shop.example.evil.example/",
        "https://shop.example@evil.example/",
        "https://evil.example/https://shop.example",
        "https://shop.example\\.evil.example/",
        "https://shop.example/\n",
        "https://[::1",
        "https://shop.example:99999/",
        "javascript:alert(1)//https://shop.example",
    ],
)
def test_where_they_do_not(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.ensure_return_url(url, ORIGINS)
    assert refused.value.field == "returnUrl"


def test_it_is_asked_again_later_and_later() -> None:
    away, busy = AdapterFailed("away"), AdapterFailed("busy", after=timedelta(seconds=90))
    for attempt, least in ((1, 5), (2, 10), (3, 20), (30, 600)):
        assert least <= later(away, attempt).delay.total_seconds() <= least * 1.25
    assert 90 <= later(busy, 1).delay.total_seconds() <= 90 * 1.25
