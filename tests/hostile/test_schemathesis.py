"""Schemathesis against the running server, with every role: what it makes up is answered or refused in GraphQL's shape.

It knows the schema and ids of two businesses. The other suites of this directory know where it could hurt.
"""

import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import uvicorn
from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    NameNode,
    ObjectFieldNode,
    ObjectValueNode,
    get_named_type,
    introspection_from_schema,
    parse,
    print_ast,
)
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import nodes
from schemathesis import Case, GenerationMode, graphql
from schemathesis.checks import response_schema_conformance
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.graphql.checks import GraphQLServerError
from schemathesis.schemas import APIOperation

from app.api.peer import HttpProtocol
from app.core.actor import Actor
from app.identity.graphql import queries as identity
from app.identity.models import Role
from app.identity.permissions import Permission
from tests.hostile.test_documents import REFUSALS
from tests.support.api import Api, Caller
from tests.support.holdings import Holdings, holdings, platform
from tests.support.schema_walk import root_fields, schema, selection

CODES = REFUSALS | {"UNAUTHENTICATED"}
TELLTALES = ("traceback (most", 'file \\"', ".py", "sqlalchemy", "asyncpg", "select ", "insert into", "keyerror")
# They hash a password whatever they are given: every_value and injection try them one by one.
LEFT_OUT = {
    *("tenantCreate", "userCreate", "userUpdate", "userLogin", "loginStepUp", "userConfirm", "passwordReset"),
    *("passwordChange", "invitationAccept"),
}


@dataclass
class Asking(httpx.Auth):
    """Somebody who asks, with a token, and how to have another when that is over."""

    token: str | None
    again: Callable[[], Awaitable[Caller]]

    def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
        """Show the token."""
        if self.token:
            request.headers["authorization"] = f"Bearer {self.token}"
        yield request


@dataclass(frozen=True)
class Target:
    """Where to send what is made up, and what must not come back."""

    theirs: Holdings
    operations: list[APIOperation]
    cases: list[Case]


@pytest.fixture(scope="module")
async def mine(api: Api) -> Holdings:
    return await holdings(api)


@pytest.fixture(scope="module")
async def target(api: Api, mine: Holdings) -> AsyncIterator[Target]:
    theirs = await holdings(api)
    listener = socket.create_server(("127.0.0.1", 0))
    # Connections have it from here: without, each answer's second packet waits 40 ms for the first.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}/graphql"
    config = uvicorn.Config(api.app, http=HttpProtocol, ws="none", lifespan="off", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    known = operations(address, mine, theirs)
    yield Target(theirs, known, made_up(known))
    await server.shutdown(sockets=[listener])


def operations(address: str, mine: Holdings, theirs: Holdings) -> list[APIOperation]:
    """All that can be asked, mostly with an id of one of both businesses where an id belongs."""
    words = [theirs.business.slug, theirs.queue_slug, mine.business.slug, f"{theirs.secret}@private.example"]
    known: dict[str, Any] = {
        "dictionaries": {kind: {"values": [theirs.ids[kind], mine.ids[kind]]} for kind in theirs.ids}
        | {"any": {"values": [*theirs.ids.values(), *mine.ids.values()]}, "words": {"values": words}},
        "parameters": {place: {"dictionary": kind, "probability": 0.9} for place, kind in id_places()},
        "generation": {"dictionaries": {"string": {"dictionary": "words", "probability": 0.4}}},
        "base-url": address,
    }
    made = graphql.from_dict(introspection_from_schema(schema()), config=SchemathesisConfig.from_dict(known))
    found = [result.ok() for result in made.get_all_operations()]
    return [operation for operation in found if operation.label.partition(".")[2] not in LEFT_OUT]


def id_places() -> Iterator[tuple[str, str]]:
    """Every place for an id, as Schemathesis calls it, and the kind of id that belongs there."""
    for field in root_fields():
        if field.operation == "subscription":
            continue
        for name, argument in field.field.args.items():
            for path in _ids(argument.type, name):
                kind = field.ids[tuple(path.replace("[*]", "").split("."))]
                yield f"{field.operation.title()}.{field.name}.{path}", "any" if field.name == "node" else kind


def _ids(type_: GraphQLInputType, path: str) -> Iterator[str]:
    if isinstance(type_, GraphQLNonNull):
        yield from _ids(type_.of_type, path)
    elif isinstance(type_, GraphQLList):
        yield from _ids(type_.of_type, f"{path}[*]")
    elif isinstance(type_, GraphQLInputObjectType):
        for name, field in type_.fields.items():
            yield from _ids(field.type, f"{path}.{name}")
    elif get_named_type(type_).name == "ID":
        yield path


class LeakedError(Failure):
    """Something is in the answer that is nobody's business."""


def _object(values: dict[str, str]) -> ObjectValueNode:
    return nodes.Object(
        [ObjectFieldNode(name=NameNode(value=name), value=nodes.String(value)) for name, value in values.items()]
    )


_TEXTS = st.text(max_size=20)
# Options and credentials: an object of anything, and what is none.
graphql.scalar(
    "JSON",
    st.dictionaries(st.sampled_from(["accountSid", "baseUrl", "sender", "x"]), _TEXTS, max_size=3).map(_object)
    | _TEXTS.map(nodes.String)
    | st.integers(-9, 9).map(nodes.Int)
    | st.lists(_TEXTS.map(nodes.String), max_size=3).map(nodes.List),
)


def made_up(about: Iterable[APIOperation], examples: int = 3) -> list[Case]:
    """So many examples of each operation, the same in every run: making them takes longer than answering them."""
    cases: list[Case] = []
    for operation in about:

        @settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy() | operation.as_strategy(GenerationMode.NEGATIVE))
        def make(case: Case) -> None:
            # Of every other one all fields are asked for: a leak must not wait for its field to be drawn.
            if len(cases) % 2 and case.meta.generation.mode.is_positive:
                case.body = widened(case)
            cases.append(case)

        make()
    return cases


def widened(case: Case) -> str:
    """The same call, with everything selected."""
    (operation,) = parse(case.body).definitions
    (call,) = operation.selection_set.selections
    type_ = get_named_type(case.operation.definition.raw.type)
    arguments = ", ".join(print_ast(each) for each in call.arguments or ())
    everything = selection(type_, 0 if type_.name == "Node" else 1)
    return f"{operation.operation.value} {{ {call.name.value}{arguments and f'({arguments})'} {everything} }}"


async def send(target: Target, asking: Asking, cases: Iterable[Case]) -> int:
    """Send them and judge each answer; how many were answered without an error."""
    answered = 0
    # What somebody sends comes back at times.
    words = [f"{target.theirs.secret}@private.example"]

    def judge(_: Any, response: Any, case: Case) -> None:
        nonlocal answered
        text = response.text
        for word in words:
            text = text.replace(word, "")
        if target.theirs.secret in text or any(word in text.lower() for word in TELLTALES):
            raise LeakedError(operation=case.operation.label, title="Leak", message=text[:2_000])
        told = response.json()
        errors = told.get("errors", [])
        wrong = [each for each in errors if each["extensions"]["code"] not in CODES or not each["message"]]
        if wrong or response.status_code >= 500:
            raise GraphQLServerError(operation=case.operation.label, message=text[:2_000], errors=wrong)
        assert told.keys() <= {"data", "errors", "extensions"}, told
        assert ("errors" in told) == bool(errors), told
        answered += not errors

    async with httpx.AsyncClient() as http:
        for case in cases:
            request = {
                key: value for key, value in case.as_transport_kwargs().items() if key in ("method", "url", "json")
            }
            response = await http.request(**request, auth=asking)
            if response.status_code == 401 and asking.token:
                # Something before has ended this sign-in.
                asking.token = (await asking.again()).token
                response = await http.request(**request, auth=asking)
            case.validate_response(response, checks=[response_schema_conformance, judge])
    return answered


async def asking_as(api: Api, mine: Holdings, who: str) -> Asking:
    """Somebody of that kind, of one's own business."""

    async def visitor() -> Caller:
        return (await mine.business.join(await mine.business.queue())).visitor

    async def key() -> Caller:
        made = await (await admin())(
            "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { secret } } }",
            i={"name": "Schemathesis", "scopes": [each.value for each in Permission if "platform" not in each.value]},
        )
        return Caller(api, made["secret"])

    async def admin() -> Caller:
        return await api.sign_in(mine.business.slug, f"admin@{mine.business.slug}.example")

    async def staff() -> Caller:
        return await mine.business.user(Role.STAFF)

    async def operator() -> Caller:
        return await platform(api)

    async def nobody() -> Caller:
        return api.anonymous

    again = {
        "anonymous": nobody,
        "visitor": visitor,
        "STAFF": staff,
        "API key": key,
        "ADMIN": admin,
        "SUPER_ADMIN": operator,
    }[who]
    return Asking((await again()).token, again)


async def test_a_mistake_is_found(api: Api, mine: Holdings, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    async def mistaken(_: Any) -> None:
        raise KeyError("viewer")

    monkeypatch.setattr(identity, "load_viewer", mistaken)
    asking = await asking_as(api, mine, "anonymous")
    with pytest.raises(FailureGroup, match="INTERNAL"):
        await send(target, asking, [case for case in target.cases if case.operation.label == "Query.viewer"])


async def test_a_leak_is_found(api: Api, mine: Holdings, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    for check in ("require_tenant", "require_in", "may_in"):
        monkeypatch.setattr(Actor, check, lambda *_: True)
    cases = made_up([each for each in target.operations if each.label == "Query.session"], examples=30)
    with pytest.raises(FailureGroup, match="Leak"):
        await send(target, await asking_as(api, mine, "ADMIN"), cases)


# Those who can do most come last: what they are made to do stays done.
@pytest.mark.parametrize(
    ("who", "least"),
    [("anonymous", 10), ("visitor", 12), ("STAFF", 25), ("API key", 40), ("ADMIN", 40), ("SUPER_ADMIN", 40)],
)
async def test_whatever_is_asked(
    api: Api, mine: Holdings, target: Target, who: str, least: int, caplog: pytest.LogCaptureFixture
) -> None:
    answered = await send(target, await asking_as(api, mine, who), target.cases)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    # Whose requests are all refused has asked nothing.
    assert answered > least
