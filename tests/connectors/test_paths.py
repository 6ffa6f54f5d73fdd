"""Paths written so that the connector and the site may read them differently: whichever way, the gate stays closed."""

import asyncio
import json
import subprocess
from typing import Any, cast

import pytest
from virtual_queue_asgi import Gate, Options
from virtual_queue_asgi.gate import Pass, Visit
from virtual_queue_asgi.middleware import visit_of
from virtual_queue_asgi.service import Service

from tests.connectors.serving import CONNECTORS, needed, needed_package

_PROTECTED = ("/shop", "/members/")
_OPEN = ("/shop/open", "/health")
CLOSED = (
    "/shop", "/shop/1", "/Shop/1", "//shop", "/./shop", "/x/../shop", "/x/%2e%2e/shop", "/%73hop", "/x%2f..%2fshop",
    # Fragments, which no browser sends and Express and others leave away.
    "/shop#", "/shop#/../x", "/shop#?x", "/x#/../shop",
    # Parameters, which servers of Java leave away.
    "/shop;a=b", "/shop;/../x", "/shop/open/..;/secret", "/shop/open/..;a=b/secret", "/x/..;/shop", "/x;\\..\\..\\shop",
    # A part that cannot be decoded does not hide the others.
    "/%73hop/%zz", "/shop/open/..%2fsecret%ff", "/shop/open/%2e%2e/secret%",
    # Open by their beginning only.
    "/shop/opening", "/shop/open/../1", "/shop/open%2f..%2f1", "/shop/open#/../../1", "/members/1",
)  # fmt: skip
PASSING = ("/", "/x", "/shopping", "/shop/open", "/shop/open/a%20b.css?v=1", "/health", "/x;a=b", "/x#y", "/open/%ff")


def _options() -> Options:
    return Options(
        service_url="https://queue.example",
        queue_id="queue",
        site_origin="https://shop.example",
        protected=_PROTECTED,
        open=_OPEN,
    )


class _Service:
    """One that is there, and has let nobody in."""

    async def is_there(self) -> bool:
        return True


async def _asgi(targets: tuple[str, ...]) -> list[bool]:
    gate = Gate(_options(), cast(Service, _Service()))
    return [isinstance(await gate.decide(Visit("GET", target, {}, None)), Pass) for target in targets]


async def _express(targets: tuple[str, ...]) -> list[bool]:
    node = needed("node", "express")
    needed_package("jose")
    source = CONNECTORS / "express/src"
    script = f"""
        import {{ Gate }} from {json.dumps(str(source / "gate.js"))};
        import {{ checked }} from {json.dumps(str(source / "options.js"))};
        const urls = {{ serviceUrl: "https://queue.example", siteOrigin: "https://shop.example", queueId: "queue" }};
        const options = checked({{ ...urls, protected: {json.dumps(_PROTECTED)}, open: {json.dumps(_OPEN)} }});
        const gate = new Gate(options, {{ isThere: async () => true }});
        const passes = async (target) => "admission" in (await gate.decide({{ method: "GET", target, headers: {{}} }}));
        console.log(JSON.stringify(await Promise.all({json.dumps(targets)}.map(passes))));
    """
    command = [node, "--input-type=module", "-e", script]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    return list(json.loads(ran.stdout))


@pytest.mark.parametrize("connector", [_asgi, _express], ids=["asgi", "express"])
async def test_however_a_path_is_written(connector: Any) -> None:
    assert dict(zip(CLOSED, await connector(CLOSED), strict=True)) == dict.fromkeys(CLOSED, False)
    assert dict(zip(PASSING, await connector(PASSING), strict=True)) == dict.fromkeys(PASSING, True)


def test_a_server_that_tells_the_decoded_path_only() -> None:
    """What was decoded once is neither decoded again, nor does it end a header or begin a query."""
    scope = {"type": "http", "method": "GET", "path": "/a b/%2e\r\nx: y?z#ü", "query_string": b"q=1", "headers": []}
    asked = visit_of(scope)
    assert asked.target == "/a%20b/%252e%0D%0Ax%3A%20y%3Fz%23%C3%BC?q=1"
    assert asked.path == scope["path"]
