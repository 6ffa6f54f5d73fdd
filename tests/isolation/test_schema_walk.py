"""Every place for an id in the schema, tried by everybody it is not meant for, with every kind of wrong id.

Not yours means not found. Nothing may change, nothing may be told, nothing is worth a line in the log.
"""

import logging
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from app.api.schema import NODES
from app.core.graphql.permissions import Checked, Public, Requires
from app.core.ids import encode
from app.identity.models import Role
from app.identity.permissions import MATRIX
from tests.support.api import Api, Caller
from tests.support.holdings import Holdings, holdings, platform
from tests.support.schema_walk import Path, RootField, root_fields
from tests.support.ws_client import OperationFailed

ROLES = {"another tenant's administrator": Role.ADMIN, "the platform's administrator": Role.SUPER_ADMIN}
# Where an id narrows a list of one's own: a key that is not there leaves an empty page.
FILTERS = {
    "alerts",
    "notifications",
    "auditEntries",
    "webhookDeliveries",
    "jobs",
    "notificationBroadcasts",
    "notificationsChanged",
}
# Takes one of its ids, not all together.
ONE_OF = {"notificationPreferences", "notificationPreferencesSet"}
# Whom to tell has to be somebody who can sign in; whoever cannot is refused like whoever there is not.
REFUSED_BEFORE = {"alertRuleCreate", "alertRuleUpdate"}
WITH_IDS = [field for field in root_fields() if field.ids]


@dataclass(frozen=True)
class World:
    """The business whose things are wanted, and those who want them."""

    victim: Holdings
    attacker: Holdings
    callers: Mapping[str, Caller]

    def wrong_ids(self, kind: str) -> dict[str, str]:
        """Ids that look right and are not, for somebody of the attacker's tenant."""
        theirs, ours = self.victim.ref(kind), self.attacker.ref(kind)
        others = [other for other in NODES if other != kind]
        return {
            "with a forged tenant": encode(kind, ours.tenant_id, theirs.id),
            "with a forged object": encode(kind, theirs.tenant_id, ours.id),
            "of nothing": encode(kind, ours.tenant_id, uuid4()),
            "of nobody": encode(kind, uuid4(), theirs.id),
            **{f"of a {other}": self.attacker.ids[other] for other in others},
            **{f"named a {other}": encode(other, *theirs) for other in others[:1]},
        }

    def garbage(self, kind: str) -> list[Any]:
        """What is no id at all."""
        theirs = self.victim.ref(kind)
        valid = self.victim.ids[kind]
        tenant, key = theirs.tenant_id.hex, theirs.id.hex
        raw = [
            f"{kind}:{tenant}",
            f"{kind}:{tenant}:{key}:{key}",
            f"{kind}:{{{tenant}}}:{key}",
            f"{kind}:{tenant.upper()}:{key}",
            f"{kind}:{tenant}:{key[:-1]}",
            f"{kind.lower()}:{tenant}:{key}",
            f"{kind}\x00:{tenant}:{key}",
            f" {kind}:{tenant}:{key}",
            "::",
            "é:é:é",
        ]
        encoded = [urlsafe_b64encode(text.encode()).decode().rstrip("=") for text in raw]
        plain = [
            "",
            " ",
            "x",
            "null",
            "é",
            "\x00",
            "💥",
            "A" * 50_000,
            "=" * 100,
            "' or 1=1 --",
            tenant,
            key,
            str(theirs.id),
        ]
        return [*encoded, *plain, f"{valid}=", f"{valid}\n", f" {valid}", valid[:-1], valid.swapcase(), 7, -1]


@pytest.fixture(scope="module")
async def world(api: Api) -> World:
    victim, attacker = await holdings(api), await holdings(api)
    return World(
        victim,
        attacker,
        {
            "another tenant's administrator": attacker.admin,
            "the platform's administrator": await platform(api),
            "a stranger": api.anonymous,
            "another tenant's visitor": attacker.waiting.visitor,
            "another visitor": victim.neighbour.visitor,
        },
    )


async def codes(caller: Caller, field: RootField, ids: Mapping[Path, Any]) -> tuple[set[str] | None, Any]:
    """The codes a call is refused with, or None if it is answered; and what was answered."""
    variables = field.arguments(ids)
    document = field.document(variables)
    if field.operation == "subscription":
        async with caller.socket() as socket:
            try:
                body = await (await socket.subscribe(document, variables)).payload()
            except OperationFailed as refusal:
                body = {"errors": refusal.errors}
    else:
        body = (await caller.send(document, **variables)).json()
    for error in body.get("errors", []):
        assert error["extensions"]["requestId"], error
    found = {error["extensions"]["code"] for error in body.get("errors", [])} or None
    if found is not None:
        assert not any((body.get("data") or {}).values()), body
    elif field.name in REFUSED_BEFORE and body["data"][field.name]["__typename"] == "InvalidInputError":
        found = {"NOT_FOUND"}
    return found, body


def allowed_codes(field: RootField, who: str) -> set[str]:
    """What somebody may be refused with who is not to have the object."""
    access, role = field.access, ROLES.get(who)
    if isinstance(access, Requires):
        if role is None:
            return {"UNAUTHENTICATED"}
        return {"NOT_FOUND"} if access.permission in MATRIX[role] else {"FORBIDDEN"}
    assert isinstance(access, Public | Checked), f"{field} declares no access"
    # Where a sign-in is needed, strangers may be told so instead.
    return {"NOT_FOUND", "UNAUTHENTICATED"} if isinstance(access, Checked) and role is None else {"NOT_FOUND"}


def is_open(field: RootField, kind: str, who: str) -> bool:
    """Whether a valid id of the victim's is meant to be answered."""
    if who == "the platform's administrator":
        return kind == "Job" or (kind == "Tenant" and field.name.startswith(("tenant", "job")))
    if who == "another tenant's administrator":
        return False
    return isinstance(field.access, Public) or field.name == "node"


def rest_of(world: World, field: RootField, path: Path) -> dict[Path, Any]:
    """The attacker's own ids in all other places."""
    return {other: world.attacker.ids[kind] for other, kind in field.ids.items() if other != path}


@pytest.mark.parametrize("field", WITH_IDS, ids=str)
async def test_what_is_not_yours_is_not_found(world: World, field: RootField, caplog: pytest.LogCaptureFixture) -> None:
    before = [await each.rows() for each in (world.victim, world.attacker)]
    caplog.set_level(logging.DEBUG, "app")
    for path, kind in field.ids.items():
        # All other ids are the caller's own and right, so that this one is what it fails for.
        rest = {} if field.name in ONE_OF else rest_of(world, field, path)
        for who, caller in world.callers.items():
            wrong = world.wrong_ids(kind)
            # Of whichever kind.
            if field.name == "node" or path[-1] == "objectId":
                wrong = {name: id for name, id in wrong.items() if not name.startswith(("of a ", "named "))}
            if not is_open(field, kind, who):
                wrong["of theirs"] = world.victim.ids[kind]
            elif rest:
                wrong["of theirs, with ours"] = world.victim.ids[kind]
            for name, id in wrong.items():
                found, body = await codes(caller, field, {**rest, path: id})
                if field.name in FILTERS and found is None:
                    assert body["data"][field.name]["edges"] == []
                    continue
                assert found is not None, f"{who} was answered for an id {name}: {body}"
                assert found <= allowed_codes(field, who), f"{who} with an id {name} got {found}"
                assert world.victim.secret not in repr(body)
                assert world.victim.label not in repr(body)
    assert [await each.rows() for each in (world.victim, world.attacker)] == before
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    for word in (world.victim.secret, world.victim.label):
        assert word not in caplog.text


@pytest.mark.parametrize("field", WITH_IDS, ids=str)
async def test_what_is_no_id_is_not_found(world: World, field: RootField, caplog: pytest.LogCaptureFixture) -> None:
    before = await world.attacker.rows()
    for path, kind in field.ids.items():
        rest = {} if field.name in ONE_OF else rest_of(world, field, path)
        for who in ("another tenant's administrator", "a stranger"):
            for garbage in world.garbage(kind):
                found, body = await codes(world.callers[who], field, {**rest, path: garbage})
                assert found is not None, f"{who} was answered for {garbage!r}: {body}"
                assert found <= allowed_codes(field, who), f"{who} with {garbage!r} got {found}"
    assert await world.attacker.rows() == before
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


PUBLIC_KINDS = {"Queue", "QueueCategory", "Tenant"}
# Not even their business's staff see these.
OWN_KINDS = {"PushDevice", "ReceivedNotification"}


@pytest.mark.parametrize("kind", NODES)
async def test_any_object_by_its_id(world: World, kind: str) -> None:
    (field,) = (each for each in WITH_IDS if each.name == "node")
    owner = world.victim.waiting.visitor if kind in OWN_KINDS else world.victim.admin
    owner = world.callers["the platform's administrator"] if kind == "Job" else owner
    found, body = await codes(owner, field, {("id",): world.victim.ids[kind]})
    assert found is None
    assert body["data"]["node"]["__typename"] == kind
    for who, caller in world.callers.items():
        if caller is owner:
            continue
        found, body = await codes(caller, field, {("id",): world.victim.ids[kind]})
        if found is None:
            assert kind in PUBLIC_KINDS, f"{who} was shown a {kind}"
            assert who not in ROLES
        else:
            assert found <= allowed_codes(field, who)
        assert world.victim.secret not in repr(body)
        for name, id in world.wrong_ids(kind).items():
            if name.startswith(("with a forged", "of no")):
                found, _ = await codes(caller, field, {("id",): id})
                assert found is not None, f"{who} was shown something for an id {name}"
                assert found <= allowed_codes(field, who)
