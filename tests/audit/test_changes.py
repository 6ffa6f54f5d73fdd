"""What stands in the log of a change: who, from where, and old and new values, with nothing personal in it."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from app.core.events.changes import HIDDEN, MAX_TEXT, Change, differences, masked
from app.core.ids import decode
from app.identity.models import Role
from tests.audit.conftest import Tamper
from tests.support.api import Business


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("email", "Jane.Doe@example.org", f"J{HIDDEN}@e{HIDDEN}"),
        ("phone", "+49 151 23456789", f"{HIDDEN}89"),
        ("first_name", "Jane", f"J{HIDDEN}"),
        ("user_identifier", "customer-4711", f"c{HIDDEN}"),
        ("password_hash", "$argon2id$v=19$…", HIDDEN),
        ("token_hash", "abc", HIDDEN),
        ("client_secret_sealed", b"\x01", HIDDEN),
        ("visitor_metadata", {"card": "4711"}, HIDDEN),
        ("note", "was rude", HIDDEN),
        ("name", "Passports", "Passports"),
        ("capacity", 40, 40),
        ("is_active", False, False),
        ("password_hash", None, None),
        ("role", Role.ADMIN, "ADMIN"),
        ("scopes", ["queue:read"], ["queue:read"]),
        (
            "settings",
            {"reply_email": "jane@example.org", "hours": 3},
            {"reply_email": f"j{HIDDEN}@e{HIDDEN}", "hours": 3},
        ),
        ("body", "x" * (MAX_TEXT + 1), "x" * MAX_TEXT + "…"),
        ("anything", b"bytes", HIDDEN),
    ],
)
def test_a_value_is_masked_by_its_name(name: str, value: object, shown: object) -> None:
    assert masked(name, value) == shown


def test_only_what_differs_is_told_and_of_sections_only_the_parts() -> None:
    before = {"name": "A", "settings": {"locale": "en", "zone": "UTC"}, "capacity": 3}
    after = {"name": "A", "settings": {"locale": "de", "zone": "UTC"}, "capacity": None}
    assert differences(before, after) == {"settings.locale": Change("en", "de"), "capacity": Change(3, None)}


def test_a_change_of_what_is_hidden_is_told_without_it() -> None:
    assert differences({"password_hash": "a"}, {"password_hash": "b"}) == {"password_hash": Change(HIDDEN, HIDDEN)}


async def last(tamper: Tamper, tenant_id: UUID, type: str) -> dict[str, Any]:
    """The newest event of a type, as it lies in the table."""
    rows = await tamper(
        "select * from events where tenant_id = $1 and type = $2 order by occurred_at desc limit 1", tenant_id, type
    )
    (row,) = rows
    found = dict(row)
    return found | {"changes": None if found["changes"] is None else orjson.loads(found["changes"])}


async def test_a_mutation_leaves_who_where_from_and_what_it_changed(business: Business, tamper: Tamper) -> None:
    queue = await business.queue(name="Passports", capacity=40)
    tenant_id = decode("Queue", queue).tenant_id
    response = await business.api.http.post(
        "/graphql",
        json={
            "query": "mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) { __typename } }",
            "variables": {"i": {"queueId": queue, "name": "Visas", "capacity": 50}},
        },
        headers={"authorization": f"Bearer {business.admin.token}", "user-agent": "Console/1.0"},
    )
    assert response.json()["data"] == {"queueUpdate": {"__typename": "QueueUpdateSuccess"}}
    row = await last(tamper, tenant_id, "QUEUE_UPDATED")
    assert row["changes"] == {
        "name": {"before": "Passports", "after": "Visas"},
        "capacity": {"before": 40, "after": 50},
    }
    assert row["actor"].startswith("USER:")
    assert row["address"] == "127.0.0.1"
    assert row["agent"] == "Console/1.0"
    assert row["request_id"] == response.headers["x-request-id"]


async def test_of_people_initials_are_kept(business: Business, tamper: Tamper) -> None:
    tenant_id = decode("Queue", await business.queue()).tenant_id
    created = await business.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { ... on UserCreateSuccess { user { id } } } }",
        i={"email": "jane.doe@mail.example", "password": "correct horse battery", "role": "STAFF", "lastName": "Doe"},
    )
    row = await last(tamper, tenant_id, "USER_CREATED")
    assert row["changes"]["email"] == {"before": None, "after": f"j{HIDDEN}@m{HIDDEN}"}
    assert row["changes"]["password_hash"] == {"before": None, "after": HIDDEN}
    assert row["changes"]["role"] == {"before": None, "after": "STAFF"}
    await business.admin(
        "mutation($i: UserUpdateInput!) { userUpdate(input: $i) { __typename } }",
        i={"userId": created["user"]["id"], "lastName": "Dunn", "phone": "+49 151 23456789"},
    )
    row = await last(tamper, tenant_id, "USER_UPDATED")
    assert row["changes"]["last_name"] == {"before": f"D{HIDDEN}", "after": f"D{HIDDEN}"}
    assert row["changes"]["phone"] == {"before": None, "after": f"{HIDDEN}89"}
    assert "Dunn" not in repr(row)
    assert "2345" not in repr(row["changes"])


async def test_in_a_block_of_several_events_each_has_its_own(business: Business, tamper: Tamper) -> None:
    queue = await business.queue()
    counter = await business.counter(queue, name="One")
    tenant_id = decode("Queue", queue).tenant_id
    created = await last(tamper, tenant_id, "COUNTER_CREATED")
    assert created["changes"]["name"] == {"before": None, "after": "One"}
    staffed = await last(tamper, tenant_id, "QUEUE_STAFFING_CHANGED")
    assert set(staffed["changes"]) == {"counter_queues.counter_id", "counter_queues.queue_id"}
    await business.join(queue)
    called = await business.call_next(queue, counter)
    row = await last(tamper, tenant_id, "SESSION_CALLED")
    assert row["changes"]["sessions.status"] == {"before": "WAITING", "after": "CALLED"}
    assert row["aggregate_id"] == decode("Queue", queue).id
    assert called["session"]["status"] == "CALLED"


async def test_a_join_leaves_where_it_came_from_and_nothing_else(business: Business, tamper: Tamper) -> None:
    queue = await business.queue()
    await business.join(queue, userIdentifier="customer-4711", contact={"email": "jane.doe@mail.example"})
    row = await last(tamper, decode("Queue", queue).tenant_id, "SESSION_JOINED")
    assert (row["address"], row["changes"], row["actor"]) == ("127.0.0.1", None, "ANONYMOUS")
    assert "customer" not in repr(row)
    assert "jane" not in repr(row)


async def test_what_the_system_does_in_somebodys_request_is_not_put_down_to_them(
    business: Business, tamper: Tamper
) -> None:
    queue = await business.queue(mode="METERED", releaseRatePerMinute=60)
    await business.join(queue)
    row = await last(tamper, decode("Queue", queue).tenant_id, "SESSION_RELEASED")
    assert (row["actor"], row["address"], row["agent"]) == ("SYSTEM", None, None)
