"""A business that has one of everything, each with a secret in every text, and checksums of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlmodel import SQLModel

from app.core.clock import SystemClock
from app.core.ids import Ref, encode, parse
from app.core.jobs.models import Job
from app.identity.founding import found
from app.identity.models import Role
from app.identity.passwords import hash_new
from app.identity.providers.models import UserIdentity
from app.identity.service import NewUser
from app.notifications.broadcasts.models import Broadcast, BroadcastStatus
from app.notifications.models import Notification, NotificationChannel, NotificationKind, NotificationStatus
from app.ratings.models import Rating, RatingSource
from app.tenants.service import NewTenant
from app.webhooks.models import WebhookAttempt
from tests.support.alerts import raised
from tests.support.api import PASSWORD, Api, Business, Caller, Joined
from tests.support.inbox import received
from tests.support.schema_walk import VALUES

# The relay marks and seals events on its own time.
_PASSING = {"events": "- 'published_at'"}


@dataclass(frozen=True)
class Holdings:
    """What a business has: opaque ids by kind, people, and two words.

    `label` stands in all texts that anybody may read, `secret` in all others.
    """

    business: Business
    label: str
    secret: str
    ids: Mapping[str, str]
    waiting: Joined
    # Another visitor of the same queue.
    neighbour: Joined
    queue_slug: str

    @cached_property
    def tenant_id(self) -> UUID:
        """Its key."""
        return self.ref("Tenant").id

    @property
    def admin(self) -> Caller:
        """Its administrator."""
        return self.business.admin

    def ref(self, kind: str) -> Ref:
        """The keys of what it has of a kind."""
        return parse(self.ids[kind])[1]

    async def rows(self) -> dict[str, str | None]:
        """A checksum of its rows, table by table."""
        checksums = {}
        async with self.business.api.runtime.dbs.system.read(None) as tx:
            for name, table in SQLModel.metadata.tables.items():
                column = "id" if name == "tenants" else "tenant_id"
                # The last two are written by the relay, whenever it comes to it.
                if column not in table.columns or name in ("signing_keys", "event_seals", "jobs"):
                    continue
                row = f"(to_jsonb(t) {_PASSING.get(name, '')})::text"
                statement = f"select md5(string_agg({row}, '' order by {row})) from {name} t where {column} = :tenant"
                result = await tx.exec(text(statement), params={"tenant": self.tenant_id})  # type: ignore[call-overload]
                checksums[name] = result.scalar_one()
        return checksums


async def platform(api: Api) -> Caller:
    """Somebody who operates the installation, in a tenant of their own."""
    slug = f"p-{uuid4().hex[:12]}"
    administrator = NewUser(f"super@{slug}.example", await hash_new(PASSWORD), Role.SUPER_ADMIN)
    async with api.runtime.dbs.system.write(uuid4()) as tx:
        await found(tx, NewTenant("Platform", slug), administrator)
    return await api.sign_in(slug, administrator.email)


async def holdings(api: Api) -> Holdings:
    """A new business with one of everything."""
    label, secret = f"lbl{uuid4().hex}", f"zqx{uuid4().hex}"
    business = await api.new_business(name=f"Name {label}", description=f"About {label}")
    admin = business.admin
    slug = f"q-{uuid4().hex[:12]}"
    queue_id = await business.queue(name=f"Queue {label}", slug=slug, description=f"About {label}")
    counter_id = await business.counter(queue_id, name=f"Counter {label}")
    working_id = await business.counter(queue_id, name=f"Working {label}")
    category = await admin(
        "mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {"
        " ... on QueueCategoryCreateSuccess { category { id } } } }",
        i={"queueId": queue_id, "name": f"Category {label}"},
    )
    codes = await admin(
        "mutation($i: AccessCodeCreateInput!) { accessCodeCreate(input: $i) {"
        " ... on AccessCodeCreateSuccess { codes { id } } } }",
        i={"queueId": queue_id, "kind": "PRIORITY", "priority": 5, "label": secret},
    )
    for kind in ("BYPASS", "INVITE"):
        await admin(
            "mutation($i: AccessEntryAddInput!) { accessEntryAdd(input: $i) { __typename } }",
            i={"queueId": queue_id, "kind": kind, "userIdentifiers": [f"listed {secret}"]},
        )
    user = await admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) {"
        " ... on UserCreateSuccess { user { id } } ... on UserError { message } } }",
        i={"email": f"{secret}@private.example", "password": PASSWORD, "firstName": secret, "phone": "+49 30 900 123"},
    )
    shift = await admin(
        "mutation($i: ShiftStartInput!) { shiftStart(input: $i) { ... on ShiftStartSuccess { shift { id } } } }",
        i={"counterId": working_id},
    )
    called = await _join(business, queue_id, secret, "called")
    waiting = await _join(business, queue_id, secret, "waiting")
    neighbour = await _join(business, queue_id, secret, "neighbour")
    await business.call_next(queue_id, working_id)
    for joined in (called, waiting):
        await admin(
            "mutation($i: SessionAddNoteInput!) { sessionAddNote(input: $i) {"
            " ... on SessionAddNoteSuccess { session { id } } } }",
            i={"sessionId": joined.id, "text": f"Note {secret}"},
        )
    api_key = await admin(
        "mutation($i: ApiKeyCreateInput!) { apiKeyCreate(input: $i) { ... on ApiKeyCreateSuccess { apiKey { id } } } }",
        i={"name": f"Key {secret}", "scopes": ["queue:read"]},
    )
    role = await admin(
        "mutation($i: CustomRoleCreateInput!) { customRoleCreate(input: $i) {"
        " ... on CustomRoleCreateSuccess { customRole { id } } } }",
        i={"name": f"Role {secret}", "description": f"About {secret}", "permissions": ["queue:read"]},
    )
    provider = await admin(
        "mutation($i: IdentityProviderCreateInput!) { identityProviderCreate(input: $i) {"
        " ... on IdentityProviderCreateSuccess { identityProvider { id } } } }",
        i={"slug": "sso", "name": f"Provider {label}", "kind": "GOOGLE", "clientId": secret, "clientSecret": secret},
    )
    integration = await admin(
        "mutation($i: IntegrationCreateInput!) { integrationCreate(input: $i) {"
        " ... on IntegrationCreateSuccess { integration { id } } } }",
        i={
            "adapter": "HUBSPOT",
            "name": f"CRM {secret}",
            "options": {"baseUrl": f"https://{secret}.example"},
            "credentials": {"accessToken": secret},
        },
    )
    carrier = await admin(
        "mutation($i: MessageProviderCreateInput!) { messageProviderCreate(input: $i) {"
        " ... on MessageProviderCreateSuccess { messageProvider { id } } } }",
        i={
            "kind": "SMTP",
            "name": f"Provider {secret}",
            "options": {"host": f"{secret}.example", "sender": f"{secret}@private.example", "username": secret},
            "credentials": {"password": secret},
        },
    )
    rule = await admin(
        "mutation($i: MessageRuleCreateInput!) { messageRuleCreate(input: $i) {"
        " ... on MessageRuleCreateSuccess { messageRule { id } } } }",
        i={"kind": "COMPLETED", "channels": ["EMAIL"], "queueId": queue_id},
    )
    event = await admin(
        "mutation($i: ScheduledEventCreateInput!) { scheduledEventCreate(input: $i) {"
        " ... on ScheduledEventCreateSuccess { event { id } } } }",
        i={
            "queueId": queue_id,
            "name": f"Event {secret}",
            "startsAt": "2500-01-01T00:00:00Z",
            "endsAt": "2500-01-02T00:00:00Z",
            "overrides": {"refusalMessage": secret},
        },
    )
    invited = await admin(
        "mutation($i: UserInviteInput!) { userInvite(input: $i) { ... on UserInviteSuccess { invitation { id } } } }",
        i={"email": f"invited.{secret}@private.example", "customRoleId": role["customRole"]["id"]},
    )
    logins = await admin("{ logins(first: 1) { edges { node { id } } } }")
    request = await admin(
        "mutation($i: PersonExportInput!) { personExport(input: $i) {"
        " ... on PersonExportSuccess { request { id } } } }",
        i={"userIdentifier": f"listed {secret}"},
    )
    export = await admin(
        "mutation($i: ExportCreateInput!) { exportCreate(input: $i) { ... on ExportCreateSuccess { export { id } } } }",
        i={"kind": "SESSIONS", "format": "CSV", "personalData": True, "queueId": queue_id},
    )
    brought = await admin(
        "mutation($i: ImportCreateInput!) { importCreate(input: $i) { ... on ImportCreateSuccess { import { id } } } }",
        i={"kind": "USERS", "format": "CSV"},
    )
    tenant_id = parse(queue_id)[1].tenant_id
    ids = {
        "Export": export["export"]["id"],
        "Import": brought["import"]["id"],
        "PrivacyRequest": request["request"]["id"],
        "Tenant": encode("Tenant", tenant_id, tenant_id),
        "User": user["user"]["id"],
        "ApiKey": api_key["apiKey"]["id"],
        "Invitation": invited["invitation"]["id"],
        "Login": logins["edges"][0]["node"]["id"],
        "CustomRole": role["customRole"]["id"],
        "IdentityProvider": provider["identityProvider"]["id"],
        "Integration": integration["integration"]["id"],
        "MessageProvider": carrier["messageProvider"]["id"],
        "MessageRule": rule["messageRule"]["id"],
        **await _alert(api, admin, queue_id, secret),
        **await _reports(admin, queue_id, secret),
        "UserIdentity": await _identity(api, user["user"]["id"], provider["identityProvider"]["id"], secret),
        "Queue": queue_id,
        "QueueCategory": category["category"]["id"],
        "ScheduledEvent": event["event"]["id"],
        "AccessCode": codes["codes"][0]["id"],
        "Counter": counter_id,
        "Shift": shift["shift"]["id"],
        "Session": waiting.id,
        "Rating": await _rating(api, queue_id, waiting.id, secret),
        "PushDevice": await _device(waiting),
        "ReceivedNotification": await received(api, tenant_id, waiting.id, secret),
        "Job": await _job(api, tenant_id, secret),
        **await _webhook(api, admin, secret),
        "NotificationBroadcast": await _broadcast(api, queue_id, secret),
        "Notification": await _notification(api, tenant_id, queue_id, waiting.id, secret),
    }
    return Holdings(business, label, secret, ids, waiting, neighbour, slug)


async def _join(business: Business, queue_id: str, secret: str, who: str) -> Joined:
    return await business.join(
        queue_id,
        userIdentifier=f"{who} {secret}",
        contact={"email": f"{who}.{secret}@private.example", "phone": "+49 30 900 456"},
        metadata={"private": secret},
    )


async def _rating(api: Api, queue_id: str, session_id: str, secret: str) -> str:
    (_, queue), (_, session) = parse(queue_id), parse(session_id)
    now = SystemClock().now()
    async with api.runtime.dbs.system.write(queue.tenant_id) as tx:
        row = Rating(
            tenant_id=queue.tenant_id,
            id=session.id,
            queue_id=queue.id,
            score=4,
            comment=f"Comment {secret}",
            source=RatingSource.APP,
            rated_at=now,
            changed_at=now,
        )
        tx.add(row)
    return encode("Rating", row.tenant_id, row.id)


async def _identity(api: Api, user_id: str, provider_id: str, secret: str) -> str:
    (_, user), (_, provider) = parse(user_id), parse(provider_id)
    async with api.runtime.dbs.system.write(user.tenant_id) as tx:
        row = UserIdentity(
            tenant_id=user.tenant_id,
            id=uuid4(),
            user_id=user.id,
            provider_id=provider.id,
            subject=secret,
            email=f"{secret}@private.example",
            linked_at=SystemClock().now(),
        )
        tx.add(row)
    return encode("UserIdentity", row.tenant_id, row.id)


async def _device(owner: Joined) -> str:
    given = {name: VALUES[name] for name in ("endpoint", "publicKey", "authSecret")}
    made = await owner.visitor(
        "mutation($i: PushDeviceRegisterInput!) { pushDeviceRegister(input: $i) {"
        " ... on PushDeviceRegisterSuccess { pushDevice { id } } } }",
        i={"webPush": given},
    )
    return str(made["pushDevice"]["id"])


async def _job(api: Api, tenant_id: UUID, secret: str) -> str:
    now = SystemClock().now()
    row = Job(
        tenant_id=tenant_id,
        id=uuid4(),
        name="test.of_nobody",
        args={"secret": secret},
        dedupe_key=secret,
        created_at=now,
        due_at=now,
        send_at=now,
        failed_at=now,
        error=f"Error {secret}",
    )
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        tx.add(row)
    return encode("Job", tenant_id, row.id)


async def _alert(api: Api, admin: Caller, queue_id: str, secret: str) -> dict[str, str]:
    made = await admin(
        "mutation($i: AlertRuleCreateInput!) { alertRuleCreate(input: $i) {"
        " ... on AlertRuleCreateSuccess { alertRule { id } } } }",
        i={"name": f"Alert {secret}", "metric": "WAITING_COUNT", "threshold": 1_000_000, "queueId": queue_id},
    )
    rule_id = made["alertRule"]["id"]
    alert_id = await raised(api, parse(queue_id)[1].tenant_id, rule_id, queue_id, f"Alert {secret}")
    return {"AlertRule": rule_id, "Alert": alert_id}


async def _reports(admin: Caller, queue_id: str, secret: str) -> dict[str, str]:
    widget = {"kind": "TEXT", "x": 0, "y": 0, "width": 4, "height": 2, "title": secret, "text": f"About {secret}"}
    board = await admin(
        "mutation($i: SavedDashboardCreateInput!) { savedDashboardCreate(input: $i) {"
        " ... on SavedDashboardCreateSuccess { dashboard { id } } } }",
        i={"name": f"Board {secret}", "widgets": [widget]},
    )
    report = await admin(
        "mutation($i: SavedReportCreateInput!) { savedReportCreate(input: $i) {"
        " ... on SavedReportCreateSuccess { report { id } } } }",
        i={
            "name": f"Report {secret}",
            "period": "TODAY",
            "queueIds": [queue_id],
            "recipients": [{"address": f"board.{secret}@private.example"}],
        },
    )
    run = await admin(
        "mutation($i: SavedReportRunInput!) { savedReportRun(input: $i) {"
        " ... on SavedReportRunSuccess { run { id } } } }",
        i={"reportId": report["report"]["id"]},
    )
    return {
        "SavedDashboard": board["dashboard"]["id"],
        "SavedReport": report["report"]["id"],
        "ReportRun": run["run"]["id"],
    }


async def _webhook(api: Api, admin: Caller, secret: str) -> dict[str, str]:
    made = await admin(
        "mutation($i: WebhookEndpointCreateInput!) { webhookEndpointCreate(input: $i) {"
        " ... on WebhookEndpointCreateSuccess { endpoint { id } } } }",
        # Of a kind that happens to nobody here: what it is owed does not grow while somebody counts.
        i={
            "name": f"Hook {secret}",
            "url": f"https://{secret}.private.example/hooks",
            "eventTypes": ["WEBHOOK_SECRET_ROTATED"],
        },
    )
    endpoint_id = made["endpoint"]["id"]
    pinged = await admin(
        "mutation($i: WebhookEndpointPingInput!) { webhookEndpointPing(input: $i) {"
        " ... on WebhookEndpointPingSuccess { delivery { id } } } }",
        i={"endpointId": endpoint_id},
    )
    (_, delivery) = parse(pinged["delivery"]["id"])
    attempt = WebhookAttempt(
        tenant_id=delivery.tenant_id,
        id=uuid4(),
        delivery_id=delivery.id,
        number=1,
        started_at=SystemClock().now(),
        duration_ms=1,
        url=f"https://{secret}.private.example/hooks",
        error=f"Not {secret}",
        answer=f"Answer {secret}",
    )
    async with api.runtime.dbs.system.write(delivery.tenant_id) as tx:
        tx.add(attempt)
    return {"WebhookEndpoint": endpoint_id, "WebhookDelivery": pinged["delivery"]["id"]}


async def _device(owner: Joined) -> str:
    given = {name: VALUES[name] for name in ("endpoint", "publicKey", "authSecret")}
    made = await owner.visitor(
        "mutation($i: PushDeviceRegisterInput!) { pushDeviceRegister(input: $i) {"
        " ... on PushDeviceRegisterSuccess { pushDevice { id } } } }",
        i={"webPush": given},
    )
    return str(made["pushDevice"]["id"])


async def _broadcast(api: Api, queue_id: str, secret: str) -> str:
    _, queue = parse(queue_id)
    row = Broadcast(
        tenant_id=queue.tenant_id,
        id=uuid4(),
        queue_id=queue.id,
        texts=[{"locale": "en", "subject": f"Subject {secret}", "body": f"Body {secret}"}],
        channels=["EMAIL"],
        status=BroadcastStatus.DONE,
        created_at=SystemClock().now(),
        created_by="TEST",
    )
    async with api.runtime.dbs.system.write(queue.tenant_id) as tx:
        tx.add(row)
    return encode("NotificationBroadcast", row.tenant_id, row.id)


async def _notification(api: Api, tenant_id: UUID, queue_id: str, session_id: str, secret: str) -> str:
    row = Notification(
        tenant_id=tenant_id,
        id=uuid4(),
        queue_id=parse(queue_id)[1].id,
        session_id=parse(session_id)[1].id,
        event_id=uuid4(),
        kind=NotificationKind.CALLED,
        channel=NotificationChannel.EMAIL,
        recipient=f"{secret}@private.example",
        locale="en",
        subject=f"Subject {secret}",
        body=f"Body {secret}",
        status=NotificationStatus.SENT,
        created_at=SystemClock().now(),
        due_at=SystemClock().now(),
    )
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        tx.add(row)
    return encode("Notification", tenant_id, row.id)
