"""Every place for a value in the schema, given everything that does not belong there. Nothing of it is our fault.

The answer is typed or coded and says what is wrong; it is never INTERNAL, and nothing is worth an error in the log.
"""

import logging
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from app.core.ids import encode, parse
from app.identity.models import Role
from tests.hostile.values import values_for
from tests.support.api import Api, Business, Caller
from tests.support.holdings import platform
from tests.support.schema_walk import VALUES, Path, RootField, root_fields
from tests.support.waiting import PATIENCE
from tests.support.ws_client import OperationFailed

FIELDS = [field for field in root_fields() if field.leaves]
# Feeds of what happens: nothing does here.
FACTS = {"queueEvents", "notificationReceived"}
CODES = {"BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED", "NOT_FOUND"}
# They hash a password before they look at anything else.
SLOW = {
    "tenantCreate",
    "userCreate",
    "userUpdate",
    "userLogin",
    "loginStepUp",
    "userConfirm",
    "passwordReset",
    "passwordChange",
    "invitationAccept",
}
# A few wrong guesses end the sign-in.
GUESSED = {"loginStepUp"}


_DAYS = count()


@dataclass(frozen=True)
class Ground:
    """Somebody who may do everything, and things to do it with."""

    business: Business
    caller: Caller
    queue_id: str
    other_queue_id: str
    category_id: str
    code_id: str
    user_id: str
    api_key_id: str
    role_id: str
    shift_counter_id: str

    def slugs(self, field: RootField) -> dict[Path, str]:
        """The names under which strangers look for a business; what they look for in it is looked for indeed."""
        return {path: self.business.slug for path in field.leaves if path[-1] == "tenantSlug"}

    async def fresh_caller(self) -> Caller:
        """The administrator by another sign-in."""
        return await self.business.api.sign_in(self.business.slug, f"admin@{self.business.slug}.example")

    async def ids(self, field: RootField, *, used: bool) -> dict[Path, str]:
        """Ids for a call. What a call uses up is new if it is going to be used."""
        counter_id = self.shift_counter_id
        session_id = encode("Session", *parse(self.queue_id)[1])
        if used and "Counter" in field.ids.values() and not field.name.startswith("shift"):
            counter_id = await self.business.counter(self.queue_id)
        if used and ("Session" in field.ids.values() or field.name == "queueCallNext"):
            session_id = (await self.business.join(self.queue_id)).id
        if used and field.name == "shiftEnd":
            await self.caller(
                "mutation($i: ShiftStartInput!) { shiftStart(input: $i) { __typename } }", i={"counterId": counter_id}
            )
        event_id = encode("ScheduledEvent", *parse(self.queue_id)[1])
        if used and "ScheduledEvent" in field.ids.values():
            event_id = await self._event()
        role_id = self.role_id
        if used and field.name == "customRoleDelete":
            role_id = await new_role(self.business)
        provider_id = encode("IdentityProvider", *parse(self.queue_id)[1])
        if "IdentityProvider" in field.ids.values():
            provider_id = await self._provider()
        message_provider_id = encode("MessageProvider", *parse(self.queue_id)[1])
        if used and "MessageProvider" in field.ids.values():
            message_provider_id = await self._message_provider()
        tenant_id = parse(self.queue_id)[1].tenant_id
        kinds = {
            "Tenant": encode("Tenant", tenant_id, tenant_id),
            "Queue": self.queue_id,
            "QueueCategory": self.category_id,
            "ScheduledEvent": event_id,
            "AccessCode": self.code_id,
            "User": self.user_id,
            "ApiKey": self.api_key_id,
            "CustomRole": role_id,
            "IdentityProvider": provider_id,
            "MessageProvider": message_provider_id,
            # Of nobody: what takes these is tested where there are some (tests/webhooks).
            "Job": encode("Job", *parse(self.queue_id)[1]),
            # Of nobody too: tests/notifications, tests/integrations.
            **{
                kind: encode(kind, *parse(self.queue_id)[1])
                for kind in (
                    "Alert",
                    "AlertRule",
                    "Export",
                    "Import",
                    "Integration",
                    "MessageRule",
                    "Notification",
                    "NotificationBroadcast",
                    "SavedDashboard",
                    "SavedReport",
                )
            },
            "WebhookEndpoint": encode("WebhookEndpoint", *parse(self.queue_id)[1]),
            "WebhookDelivery": encode("WebhookDelivery", *parse(self.queue_id)[1]),
            # Nobody has one here: what takes it is tested where somebody has (tests/providers).
            "UserIdentity": encode("UserIdentity", *parse(self.queue_id)[1]),
            # Nobody's: what takes these is tested where somebody has them (tests/accounts).
            "Login": encode("Login", *parse(self.queue_id)[1]),
            "Invitation": encode("Invitation", *parse(self.queue_id)[1]),
            "ReceivedNotification": encode("ReceivedNotification", *parse(self.queue_id)[1]),
            "Counter": counter_id,
            "Session": session_id,
        }
        # A second queue, as in a transfer, is another one.
        return {
            path: self.other_queue_id if path[-1] == "toQueueId" else kinds[kind] for path, kind in field.ids.items()
        }

    async def _provider(self) -> str:
        found = await self.caller("{ identityProviders { id } }")
        if not found:
            made = await self.caller(
                "mutation($i: IdentityProviderCreateInput!) { identityProviderCreate(input: $i) {"
                " ... on IdentityProviderCreateSuccess { identityProvider { id } } } }",
                i={"slug": "google", "name": "Google", "kind": "GOOGLE"},
            )
            found = [made["identityProvider"]]
        return str(found[0]["id"])

    async def _message_provider(self) -> str:
        found = await self.caller("{ messageProviders { id } }")
        if not found:
            made = await self.caller(
                "mutation($i: MessageProviderCreateInput!) { messageProviderCreate(input: $i) {"
                " ... on MessageProviderCreateSuccess { messageProvider { id } } } }",
                i={name: VALUES[name] for name in ("kind", "name", "options", "credentials")},
            )
            found = [made["messageProvider"]]
        return str(found[0]["id"])

    async def _event(self) -> str:
        # On a day of its own: no two events of one queue take the same time.
        day = date(2100, 1, 1) + timedelta(days=next(_DAYS))
        planned = await self.caller(
            "mutation($i: ScheduledEventCreateInput!) { scheduledEventCreate(input: $i) {"
            " ... on ScheduledEventCreateSuccess { event { id } } } }",
            i={
                "queueId": self.queue_id,
                "name": "Event",
                "startsAt": f"{day}T10:00:00Z",
                "endsAt": f"{day}T12:00:00Z",
            },
        )
        return str(planned["event"]["id"])


async def new_role(business: Business) -> str:
    made = await business.admin(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } } }",
        i={"name": f"Role {uuid4().hex}", "permissions": ["queue:read"]},
    )
    return str(made["customRole"]["id"])


async def ground(api: Api, caller: Caller | None = None) -> Ground:
    business = await api.new_business()
    queue_id = await business.queue()
    category = await business.admin(
        "mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {"
        " ... on QueueCategoryCreateSuccess { category { id } } } }",
        i={"queueId": queue_id, "name": "Category"},
    )
    made = await business.admin(
        "mutation($i: AccessCodeCreateInput!) { accessCodeCreate(input: $i) {"
        " ... on AccessCodeCreateSuccess { codes { id } } } }",
        i={"queueId": queue_id, "kind": "INVITE"},
    )
    key = await business.admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { apiKey { id } } } }",
        i={"name": "Key", "scopes": ["queue:read"]},
    )
    viewer = await (await business.user(Role.STAFF))("{ viewer { ... on User { id } } }")
    return Ground(
        business,
        caller or business.admin,
        queue_id,
        await business.queue(),
        category["category"]["id"],
        made["codes"][0]["id"],
        viewer["id"],
        key["apiKey"]["id"],
        await new_role(business),
        await business.counter(queue_id),
    )


@pytest.mark.parametrize("field", FIELDS, ids=str)
async def test_it_is_answered(api: Api, field: RootField, caplog: pytest.LogCaptureFixture) -> None:
    place = await ground(api, await platform(api) if field.name.startswith(("tenant", "job")) else None)
    problems = []
    for path, type_ in field.leaves.items():
        for value in values_for(field.name, path, type_, few=field.name in SLOW):
            # Most values of another type do not get as far as to use anything up.
            used = path not in field.ids and isinstance(value, str | int)
            given = {**place.slugs(field), **await place.ids(field, used=used), path: value}
            caller = await place.fresh_caller() if field.name in GUESSED else place.caller
            problem = await _problem(caller, field, field.arguments(given))
            if problem is not None:
                problems.append(f"{'.'.join(path)} = {value!r:.60}: {problem}")
    assert problems == []
    # A machine that is so busy that the bus takes its server for gone says nothing about the values.
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record for record in said if not record.name.startswith("app.core.live.")] == []


async def _problem(caller: Caller, field: RootField, variables: dict[str, Any]) -> str | None:
    document = field.document(variables)
    if field.operation == "subscription":
        async with caller.socket() as socket:
            subscription = await socket.subscribe(document, variables)
            try:
                # A feed that waits for something to happen has been let in.
                body = await subscription.payload(within=0.2 if field.name in FACTS else PATIENCE)
            except OperationFailed as refusal:
                body = {"errors": refusal.errors}
            except TimeoutError:
                return None if field.name in FACTS else "no answer"
    else:
        answer = await caller.send(document, **variables)
        if answer.status_code >= 500:
            return f"status {answer.status_code}: {answer.text:.200}"
        body = answer.json()
    for error in body.get("errors", []):
        if error["extensions"]["code"] not in CODES:
            return str(error)
        if not error["message"] or not error["extensions"]["requestId"]:
            return f"says nothing: {error}"
    for value in (body.get("data") or {}).values():
        if isinstance(value, dict) and value.get("__typename", "").endswith("Error") and not value.get("message"):
            return f"says nothing: {value}"
    return None
