"""Every root field and every role: strangers are asked to sign in, roles without the permission are refused.

Others pass: they get further than the gate. Ids of what does not exist are sent, so that nothing happens behind it.
"""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from app.core.graphql.permissions import Checked, Public, Requires
from app.core.ids import encode, parse
from app.identity.models import Role
from app.identity.permissions import MATRIX, Permission
from tests.support.api import Api, Caller
from tests.support.holdings import platform
from tests.support.schema_walk import RootField, root_fields
from tests.support.ws_client import OperationFailed

FIELDS = root_fields()
GATED = [field for field in FIELDS if isinstance(field.access, Requires)]
# Sent instead of what would work, so that there is nothing left to undo.
HARMLESS: Mapping[tuple[str, str], Any] = {
    ("queueCreate", "slug"): "Not A Slug",
    ("userCreate", "password"): "short",
    ("counterCreate", "name"): " ",
    ("tenantCreate", "slug"): "Not A Slug",
    ("notificationTemplateSet", "subject"): "{% broken",
    ("apiKeyCreate", "name"): " ",
    ("customRoleCreate", "name"): " ",
    ("webhookEndpointCreate", "name"): " ",
    ("messageProviderCreate", "name"): " ",
    ("savedDashboardCreate", "name"): " ",
    ("savedReportCreate", "name"): " ",
    ("alertRuleCreate", "name"): " ",
}


@pytest.fixture(scope="module")
async def people(api: Api) -> dict[str, Caller]:
    """Somebody of every role in one tenant, a visitor there, and a stranger."""
    business = await api.new_business()
    joined = await business.join(await business.queue())
    staff = {role: await business.user(role) for role in (Role.MANAGER, Role.STAFF, Role.CUSTOMER)}
    return {
        **{role.value: caller for role, caller in staff.items()},
        "ADMIN": business.admin,
        "SUPER_ADMIN": await platform(api),
        "visitor": joined.visitor,
        "stranger": api.anonymous,
    }


async def codes(caller: Caller, field: RootField) -> set[str]:
    """The codes somebody gets who names nothing that exists."""
    viewer = (await caller.send("{ viewer { ... on User { id } } }")).json()["data"]["viewer"]
    tenant_id = parse(viewer["id"])[1].tenant_id if viewer and "id" in viewer else uuid4()
    given = {
        path: encode(kind, tenant_id, tenant_id if kind == "Tenant" else uuid4()) for path, kind in field.ids.items()
    }
    if field.name.startswith("tenant"):
        given = {path: encode("Tenant", key := uuid4(), key) for path in given}
    harmless = {path: HARMLESS[field.name, path[-1]] for path in field.leaves if (field.name, path[-1]) in HARMLESS}
    variables = field.arguments({**given, **harmless})
    document = field.document(variables, depth=0)
    if field.operation == "subscription":
        async with caller.socket() as socket:
            try:
                body = await (await socket.subscribe(document, variables)).payload()
            except OperationFailed as refusal:
                body = {"errors": refusal.errors}
    else:
        body = (await caller.send(document, **variables)).json()
    return {error["extensions"]["code"] for error in body.get("errors", [])}


@pytest.mark.parametrize("field", GATED, ids=str)
async def test_the_gate_lets_pass_who_has_the_permission(people: dict[str, Caller], field: RootField) -> None:
    assert isinstance(field.access, Requires)
    permission = Permission(field.access.permission)
    for name, caller in people.items():
        found = await codes(caller, field)
        if name in ("visitor", "stranger"):
            assert found == {"UNAUTHENTICATED"}, name
        elif permission in MATRIX[Role(name)]:
            assert found <= {"NOT_FOUND"}, name
        else:
            assert found == {"FORBIDDEN"}, name


def test_what_is_not_gated_is_known() -> None:
    """A new public field, or one with a rule of its own, is a decision: write it down here, and test its rule."""
    assert {field.name for field in FIELDS if isinstance(field.access, Public)} == {
        "display",
        "displayChanged",
        "fairnessProof",
        "invitationAccept",
        "loginExchange",
        "loginProviders",
        "loginEnroll",
        "loginRefresh",
        "loginSendCode",
        "loginVerify",
        "logout",
        "passwordRequestReset",
        "passwordReset",
        "permissionMatrix",
        "pushPublicKey",
        "queue",
        "queueBySlug",
        "queueChanged",
        "queueJoin",
        "tenant",
        "userConfirm",
        "userLogin",
        "userRegister",
        "viewer",
    }
    assert {field.name for field in FIELDS if isinstance(field.access, Checked)} == {
        "admissionChanged",
        "admissionEnter",
        "admissionLeave",
        "emailChange",
        "emailConfirm",
        "loginRevoke",
        "logins",
        "passwordChange",
        "phoneChange",
        "phoneConfirm",
        "phoneRemove",
        "profileUpdate",
        "admissionRenew",
        "admissionVerify",
        "loginStepUp",
        "loginStepUpSendCode",
        "node",
        "notificationMarkRead",
        "notificationPreferences",
        "notificationPreferencesSet",
        "notificationReceived",
        "notificationsReceived",
        "pushDeviceRegister",
        "pushDeviceRemove",
        "secondFactorConfirm",
        "secondFactorEnroll",
        "secondFactorRemove",
        "secondFactorRenewRecoveryCodes",
        "session",
        "sessionCancel",
        "sessionPay",
        "sessionRate",
        "sessionChanged",
        "sessionStepBack",
        "sessionUseAccessCode",
        "staffPerformance",
        "tenantUpdate",
        "userIdentityLink",
        "userIdentityStartLink",
        "userIdentityUnlink",
    }


SESSION_FIELDS = {
    "session": Permission.SESSION_READ,
    "sessionChanged": Permission.SESSION_READ,
    "admissionChanged": Permission.SESSION_READ,
    "sessionCancel": Permission.SESSION_WRITE,
    "sessionPay": Permission.SESSION_WRITE,
    "sessionRate": Permission.SESSION_WRITE,
    "sessionStepBack": Permission.SESSION_WRITE,
    "sessionUseAccessCode": Permission.SESSION_WRITE,
}


@pytest.mark.parametrize("name", SESSION_FIELDS)
async def test_a_session_is_for_its_visitor_and_for_staff(people: dict[str, Caller], name: str) -> None:
    (field,) = (each for each in FIELDS if each.name == name)
    for who, caller in people.items():
        found = await codes(caller, field)
        if who == "stranger":
            assert found == {"UNAUTHENTICATED"}
        elif who == "visitor" or SESSION_FIELDS[name] in MATRIX[Role(who)]:
            # Of a session that is nobody's.
            assert found == {"NOT_FOUND"}, who
        else:
            assert found == {"FORBIDDEN"}, who


async def test_a_tenant_is_changed_by_its_administrators_and_the_platform(api: Api) -> None:
    business = await api.new_business()
    visitor = (await business.join(await business.queue())).visitor
    document = (
        "mutation($i: TenantUpdateInput!) { tenantUpdate(input: $i) {"
        " ... on TenantUpdateSuccess { tenant { description } } } }"
    )
    tenant_id = parse(await business.queue())[1].tenant_id
    target = encode("Tenant", tenant_id, tenant_id)

    async def change(caller: Caller, **changes: Any) -> str | None:
        body = (await caller.send(document, i={"tenantId": target} | changes)).json()
        return body["errors"][0]["extensions"]["code"] if "errors" in body else None

    operator, other = await platform(api), (await api.new_business()).admin
    assert await change(business.admin, description="by its administrator") is None
    assert await change(operator, description="by the platform") is None
    assert await change(operator, limits={"queues": 5}) is None
    for restricted in ({"limits": {"queues": 1_000}}, {"slug": "another-slug"}, {"domain": "example.com"}):
        assert await change(business.admin, **restricted) == "FORBIDDEN"
    assert await change(await business.user(Role.MANAGER), description="no") == "FORBIDDEN"
    assert await change(visitor, description="no") == "UNAUTHENTICATED"
    assert await change(api.anonymous, description="no") == "UNAUTHENTICATED"
    assert await change(other, description="no") == "NOT_FOUND"
    shown = await api.anonymous("query($s: String!) { tenant(slug: $s) { description } }", s=business.slug)
    assert shown == {"description": "by the platform"}
