"""What every answer says to browsers, and from which page of the web one may be asked."""

from typing import Any

import httpx
import pytest
from starlette.routing import Mount, Route

from app.core.clock import SystemClock
from app.settings import Settings
from tests.support.api import Api, Business, new_app
from tests.support.ws_client import raw_socket

QUESTION = {"query": "{ __typename }"}


def told(app: Any, **options: Any) -> httpx.AsyncClient:
    """A client of an application that has not been started: for answers that need no database."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver", **options)


def paths(api: Api) -> list[str]:
    """One address for each route there is."""
    routes = [each for each in api.app.routes if isinstance(each, Route | Mount)]
    return [each.path.replace("{queue_id}", "nobody") for each in routes]


async def test_every_answer_whatever_it_is_binds_browsers(api: Api) -> None:
    assert "/wait/nobody" in paths(api)
    for path in (*paths(api), "/no-such-page", "/graphql/assets/no-such-file"):
        for method, headers in (("GET", {"accept": "text/html"}), ("POST", {}), ("DELETE", {})):
            answer = await api.http.request(method, path, headers=headers)
            given, where = answer.headers, f"{method} {path}"
            assert given["x-content-type-options"] == "nosniff", where
            assert given["referrer-policy"] in ("no-referrer", "same-origin"), where
            assert given["x-frame-options"] == "DENY", where
            policy = given["content-security-policy"]
            assert "default-src 'none'" in policy, where
            assert "frame-ancestors 'none'" in policy, where
            assert "unsafe-eval" not in policy, where
            assert "'unsafe-inline'" not in policy.split("script-src")[-1].split(";")[0], where
            assert "server" not in given, where
            for name in ("x-content-type-options", "content-security-policy", "cache-control"):
                assert len(given.get_list(name)) == 1, (where, name)


async def test_answers_are_nobodys_to_keep(api: Api, business: Business) -> None:
    answer = await business.admin.send("{ viewer { ... on User { email } } }")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_an_event_stream_says_how_it_is_to_be_kept_itself(api: Api) -> None:
    answer = await api.http.post("/graphql", json=QUESTION, headers={"accept": "text/event-stream"})
    assert answer.headers.get_list("cache-control") == ["no-cache, no-transform"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_https_is_demanded_only_where_it_is_set_and_only_over_https(migrated_settings: Settings) -> None:
    for seconds, scheme, expected in (
        (0, "https", None),
        (31_536_000, "http", None),
        (31_536_000, "https", "max-age=31536000"),
    ):
        app = new_app(migrated_settings.model_copy(update={"hsts_seconds": seconds}), SystemClock())
        async with told(app) as http:
            answer = await http.get(f"{scheme}://testserver/health/live")
        assert answer.headers.get("strict-transport-security") == expected, (seconds, scheme)


async def test_a_page_of_another_origin_is_let_in_only_where_it_is_named(migrated_settings: Settings) -> None:
    app = new_app(migrated_settings.model_copy(update={"cors_origins": ("https://app.example",)}), SystemClock())
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    async with told(app) as http:
        for origin, allowed in (
            ("https://app.example", True),
            ("https://evil.example", False),
            ("https://app.example.evil.example", False),
            ("http://app.example", False),
            ("null", False),
        ):
            asked = await http.options("/graphql", headers=preflight | {"origin": origin})
            assert (asked.status_code == 200) is allowed, origin
            shown = asked.headers.get("access-control-allow-origin")
            assert shown == (origin if allowed else None), origin
            # Nobody's cookies: there are none.
            assert "access-control-allow-credentials" not in asked.headers
            assert (
                "access-control-allow-methods" not in asked.headers
                or "POST" in asked.headers["access-control-allow-methods"]
            )
            async with raw_socket(app, headers={"origin": origin}, accepted=False) as socket:
                event = await socket.next_event()
                assert (event["type"] == "websocket.accept") is allowed, origin


@pytest.mark.parametrize("name", ["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"])
async def test_front_ends_of_other_origins_may_read(migrated_settings: Settings, name: str) -> None:
    app = new_app(migrated_settings.model_copy(update={"cors_origins": ("*",)}), SystemClock())
    async with told(app) as http:
        answer = await http.get("/health/live", headers={"origin": "https://app.example"})
    assert name in answer.headers["access-control-expose-headers"].split(", ")
