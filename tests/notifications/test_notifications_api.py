"""Templates and notifications through the API: what staff may set and see."""

from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest
from sqlmodel import col, select

from app.core.actor import Actor, ActorKind
from app.core.db.pages import PageRequest
from app.core.events.models import EventRow
from app.core.events.reactions import Fact
from app.core.ids import parse
from app.identity.models import Role
from app.notifications.defaults import BUILT_IN
from app.notifications.deliveries.repository import Filter, page
from app.notifications.graphql.types import Notification
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.telling import happenings
from app.notifications.telling import service as rules
from app.notifications.telling.service import NewRule
from tests.support.api import Business, GraphQLFailed

SET = """mutation($i: NotificationTemplateSetInput!) { notificationTemplateSet(input: $i) { __typename
  ... on NotificationTemplateSetSuccess {
    notificationTemplate { kind channel locale subject body isBuiltIn updatedAt variables { name example } }
    preview { subject body } }
  ... on UserError { message }
  ... on InvalidTemplateError { field variable line }
  ... on InvalidInputError { field } } }"""
TEMPLATES = "{ notificationTemplates { kind channel locale subject body isBuiltIn updatedAt } }"
PREVIEW = """query($kind: NotificationKind!, $subject: String!, $body: String!) {
  notificationPreview(kind: $kind, subject: $subject, body: $body) { __typename
    ... on NotificationPreview { subject body } ... on InvalidTemplateError { message field variable } } }"""
LIST = """query($first: Int!, $after: String, $session: ID) {
  notifications(first: $first, after: $after, sessionId: $session) {
    edges { cursor node { id kind channel status recipient subject attempts error session { ticketNumber } } }
    pageInfo { hasNextPage endCursor } } }"""
GOOD = {"kind": "CALLED", "subject": "{{ ticketNumber }}!", "body": "Come to {{ counterName }}."}


async def owe_calls(business: Business, count: int) -> tuple[list[str], list[str]]:
    """So many called visitors and the notifications owed to them: ids of sessions and of notifications."""
    queue_id = await business.queue()
    counter_id = await business.counter(queue_id, name="Desk")
    sessions = []
    for number in range(count):
        joined = await business.join(queue_id, contact={"email": f"visitor{number}@example.com"})
        sessions.append(joined.id)
        await business.call_next(queue_id, counter_id)
        await business.serve(joined.id)
    tenant_id = parse(queue_id)[1].tenant_id
    dbs, settings = business.api.runtime.dbs, business.api.runtime.settings
    async with dbs.app.write(tenant_id) as tx:
        # By mail, and not in the app besides.
        new = NewRule(NotificationKind.CALLED, channels=[NotificationChannel.EMAIL])
        await rules.create(tx, new)
        called = await tx.exec(
            select(EventRow).where(EventRow.type == "SESSION_CALLED").order_by(col(EventRow.occurred_at))
        )
        for row in called.all():
            fact = Fact(
                id=row.id,
                tenant_id=tenant_id,
                aggregate_type=row.aggregate_type,
                aggregate_id=row.aggregate_id,
                revision=row.revision,
                occurred_at=row.occurred_at,
                type=row.type,
                json=orjson.dumps(row.data).decode(),
                request_id=None,
            )
            await happenings.owe_called(tx, fact, settings)
    async with dbs.app.read(tenant_id) as tx:
        rows = (await page(tx, PageRequest(100), Filter())).rows
    assert len(rows) == count
    return sessions, [Notification.of(row).id() for row in rows]


async def test_a_text_of_ones_own_is_shown_previewed_and_used(business: Business) -> None:
    saved = await business.admin(SET, i=GOOD | {"locale": "pt-br"})
    assert saved["__typename"] == "NotificationTemplateSetSuccess"
    template = saved["notificationTemplate"]
    assert (template["locale"], template["channel"], template["isBuiltIn"]) == ("pt-BR", "EMAIL", False)
    assert [variable["name"] for variable in template["variables"]] == [
        "counterName",
        "link",
        "queueName",
        "tenantName",
        "ticketNumber",
    ]
    assert saved["preview"] == {"subject": "A042!", "body": "Come to Counter 3.\n"}

    listed = await business.admin(TEMPLATES)
    assert len(listed) == len(BUILT_IN) + 1
    assert [entry["locale"] for entry in listed if not entry["isBuiltIn"]] == ["pt-BR"]
    assert all(entry["updatedAt"] is None for entry in listed if entry["isBuiltIn"])


async def test_setting_again_replaces_and_the_same_again_changes_nothing(business: Business) -> None:
    first = (await business.admin(SET, i=GOOD))["notificationTemplate"]
    again = (await business.admin(SET, i=GOOD))["notificationTemplate"]
    assert again == first
    other = (await business.admin(SET, i=GOOD | {"subject": "Your turn"}))["notificationTemplate"]
    assert (other["subject"], other["locale"]) == ("Your turn", "en")
    [mine] = [entry for entry in await business.admin(TEMPLATES) if not entry["isBuiltIn"]]
    assert mine["subject"] == "Your turn"
    tenant_id = parse(await business.queue())[1].tenant_id
    async with business.api.runtime.dbs.app.read(tenant_id) as tx:
        found = await tx.exec(select(EventRow.revision).where(EventRow.type == "NOTIFICATION_TEMPLATE_SET"))
        assert sorted(found) == [1, 2]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"body": "Hello {{ firstName }}"}, {"field": "body", "variable": "firstName", "line": 1}),
        ({"subject": "{{ peopleAhead }}"}, {"field": "subject", "variable": "peopleAhead", "line": 1}),
        ({"body": "{{ ''.__class__ }}"}, {"field": "body", "variable": None, "line": 1}),
        ({"body": "one\n{% if x"}, {"field": "body", "variable": None, "line": 2}),
        ({"subject": " "}, {"field": "subject", "variable": None, "line": None}),
    ],
)
async def test_an_unusable_text_is_refused_naming_what_is_wrong_and_nothing_is_saved(
    business: Business, change: dict[str, Any], expected: dict[str, Any]
) -> None:
    refused = await business.admin(SET, i=GOOD | change)
    assert refused.pop("__typename") == "InvalidTemplateError"
    assert refused.pop("message")
    assert refused == expected
    assert all(entry["isBuiltIn"] for entry in await business.admin(TEMPLATES))


async def test_a_language_that_is_none_is_refused(business: Business) -> None:
    refused = await business.admin(SET, i=GOOD | {"locale": "german please"})
    assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "locale")


async def test_a_preview_shows_and_saves_nothing(business: Business) -> None:
    values = {"kind": "PEOPLE_AHEAD", "subject": "{{ peopleAhead }} ahead", "body": "{{ estimatedWaitMinutes }} min"}
    assert await business.admin(PREVIEW, **values) == {
        "__typename": "NotificationPreview",
        "subject": "3 ahead",
        "body": "12 min\n",
    }
    refused = await business.admin(PREVIEW, **(values | {"body": "{{ counterName }}"}))
    assert (refused["__typename"], refused["variable"]) == ("InvalidTemplateError", "counterName")
    assert all(entry["isBuiltIn"] for entry in await business.admin(TEMPLATES))


async def test_notifications_come_in_pages_and_by_session(business: Business) -> None:
    sessions, ids = await owe_calls(business, 3)
    first = await business.admin(LIST, first=2)
    assert [edge["node"]["id"] for edge in first["edges"]] == ids[:2]
    assert first["pageInfo"]["hasNextPage"] is True
    node = first["edges"][0]["node"]
    assert {key: node[key] for key in ("kind", "channel", "status", "recipient", "attempts", "error")} == {
        "kind": "CALLED",
        "channel": "EMAIL",
        "status": "PENDING",
        "recipient": "visitor0@example.com",
        "attempts": 0,
        "error": None,
    }
    rest = await business.admin(LIST, first=2, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["id"] for edge in rest["edges"]] == ids[2:]
    assert rest["pageInfo"]["hasNextPage"] is False
    [only] = (await business.admin(LIST, first=5, session=sessions[1]))["edges"]
    assert only["node"]["id"] == ids[1]
    assert await business.admin("query($id: ID!) { node(id: $id) { __typename id } }", id=ids[2]) == {
        "__typename": "Notification",
        "id": ids[2],
    }


@pytest.mark.parametrize("role", [Role.STAFF, Role.CUSTOMER])
async def test_who_lacks_the_permission_sees_and_changes_nothing(business: Business, role: Role) -> None:
    user = await business.user(role)
    _, ids = await owe_calls(business, 1)
    for document, values in (
        (TEMPLATES, {}),
        (LIST, {"first": 1}),
        (PREVIEW, {"kind": "CALLED", "subject": "x", "body": "y"}),
        (SET, {"i": GOOD}),
        ("query($id: ID!) { node(id: $id) { id } }", {"id": ids[0]}),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await user(document, **values)
        assert refused.value.code == "FORBIDDEN"
    assert all(entry["isBuiltIn"] for entry in await business.admin(TEMPLATES))


async def test_strangers_and_visitors_are_asked_to_sign_in(business: Business) -> None:
    joined = await business.join(await business.queue())
    for caller in (business.api.anonymous, joined.visitor):
        with pytest.raises(GraphQLFailed) as refused:
            await caller(LIST, first=1)
        assert refused.value.code == "UNAUTHENTICATED"


async def test_another_tenants_notifications_are_not_found(business: Business) -> None:
    sessions, ids = await owe_calls(business, 1)
    other = await business.api.new_business()
    assert (await other.admin(LIST, first=10))["edges"] == []
    for document, values in (
        (LIST, {"first": 1, "session": sessions[0]}),
        ("query($id: ID!) { node(id: $id) { id } }", {"id": ids[0]}),
    ):
        with pytest.raises(GraphQLFailed) as refused:
            await other.admin(document, **values)
        assert refused.value.code == "NOT_FOUND"


async def test_an_address_is_masked_for_who_may_not_see_visitors(business: Business) -> None:
    sessions, _ = await owe_calls(business, 1)
    tenant_id = parse(sessions[0])[1].tenant_id
    async with business.api.runtime.dbs.app.read(tenant_id) as tx:
        [row] = (await page(tx, PageRequest(1), Filter())).rows

    def shown(*permissions: str) -> str:
        actor = Actor(ActorKind.USER, tenant_id, permissions=frozenset(permissions))
        return Notification.of(row).recipient(cast(Any, SimpleNamespace(context=SimpleNamespace(actor=actor))))

    assert shown("notification:read") == "v***@example.com"
    assert shown("notification:read", "session:read") == "visitor0@example.com"
