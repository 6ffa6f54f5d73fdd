"""The GraphiQL page: from our own files only, behind a strict policy, with tabs that run as they stand."""

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from app.api import graphiql
from app.api.graphiql import graphiql_assets, graphiql_page
from app.api.http import GraphQLOverHTTP
from tests.transport.toy import toy, toy_schema

FILES = Path(graphiql.__file__).parent / "static" / "graphiql"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def operations(tmp_path: Path) -> Path:
    (tmp_path / "visitor").mkdir()
    (tmp_path / "a.graphql").write_text("query A($n: String!) { hello(name: $n) thing { ...Named } }")
    (tmp_path / "b.graphql").write_text('query B($p: Person!, $m: String = "x") { person(person: $p) hello(name: $m) }')
    (tmp_path / "c.graphql").write_text('query C { hello(name: "</script><script>alert(1)</script>") }')
    (tmp_path / "visitor" / "d.graphql").write_text("query D($n: String) { hello(name: $n) }")
    (tmp_path / "visitor" / "d.variables.json").write_text('{"n": "prepared"}')
    (tmp_path / "fragments.graphql").write_text(
        "fragment Named on Thing { name ...More } fragment More on Thing { self { name } } "
        "fragment Unused on Thing { name }"
    )
    return tmp_path


@pytest.fixture
async def http(operations: Path) -> AsyncIterator[httpx.AsyncClient]:
    schema = toy_schema()
    page = graphiql_page(schema._schema, operations)
    app = Starlette(routes=[graphiql_assets(), Route("/graphql", GraphQLOverHTTP(schema, toy.context, page=page))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
        yield client


def settings(page: str) -> dict[str, Any]:
    found = re.search(r'<script id="settings" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return dict(orjson.loads(found[1]))


async def test_browsers_get_the_page_and_everything_it_loads_is_ours(http: httpx.AsyncClient) -> None:
    page = await http.get("/graphql", headers=HTML)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["x-request-id"]
    loaded = re.findall(r'(?:src|href)="(?!data:)([^"]+)"', page.text)
    assert len(loaded) == 7
    for path in loaded:
        assert path.startswith("/graphql/assets/")
        assert (await http.get(path)).status_code == 200


async def test_the_policy_allows_no_foreign_and_no_inline_script(http: httpx.AsyncClient) -> None:
    policy = (await http.get("/graphql", headers=HTML)).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


async def test_each_operation_is_a_tab_that_stands_alone(http: httpx.AsyncClient) -> None:
    page = (await http.get("/graphql", headers=HTML)).text
    tabs = {tab["query"].split()[1].split("(")[0]: tab for tab in settings(page)["tabs"]}
    assert list(tabs) == ["A", "B", "C", "D"]
    assert [orjson.loads(tab.get("variables", "null")) for tab in tabs.values()] == [
        {"n": ""},
        {"p": {"email": ""}},
        None,
        {"n": "prepared"},
    ]
    assert "fragment Named" in tabs["A"]["query"]
    assert "fragment More" in tabs["A"]["query"]
    assert "Unused" not in tabs["A"]["query"]
    assert page.count("</script>") == page.count("<script"), "an operation's text broke out of its element"
    for tab in tabs.values():
        body = {"query": tab["query"], "variables": orjson.loads(tab.get("variables", "{}"))}
        assert "errors" not in (await http.post("/graphql", json=body)).json()


async def test_others_who_get_are_told_to_post(http: httpx.AsyncClient) -> None:
    response = await http.get("/graphql", headers={"Accept": "application/json"})
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


def test_vendored_files_are_what_their_packages_contain() -> None:
    checksums = orjson.loads((FILES / "checksums.json").read_bytes())
    assert sorted(checksums) == sorted(path.name for path in FILES.iterdir() if ".min." in path.name), (
        "every third-party file has a checksum"
    )
    for name, entry in checksums.items():
        assert hashlib.sha256((FILES / name).read_bytes()).hexdigest() == entry["sha256"], name
