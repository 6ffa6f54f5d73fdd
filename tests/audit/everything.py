"""Everything that can be done with this API, done once: a working day of a business, from its founding to its end.

A mutation that is new is done here as well. What each of them is for is tested elsewhere.
"""

from typing import Any

from app.core.ids import encode, new_id
from app.core.jobs.models import Job
from app.identity.providers.models import ProofPurpose
from tests.audit.everybody import Everybody
from tests.support.alerts import raised
from tests.support.api import PASSWORD, Caller
from tests.support.deliveries import failed_message
from tests.support.inbox import received
from tests.support.schema_walk import VALUES
from tests.support.stand_ins.frame import standing_in
from tests.support.stand_ins.stripe import KEY, SECRET, StripeStandIn

_TOKEN = {"accessToken": "a-token"}
NEW_PASSWORD = "another horse battery"


async def tenants(shop: Everybody) -> None:
    """Businesses come and go; one has a domain."""
    made = await shop.do(
        shop.operator,
        "tenantCreate",
        name="Brief",
        slug=f"{shop.business.slug}-brief",
        adminEmail="admin@brief.example",
        adminPassword=PASSWORD,
    )
    await shop.do(shop.operator, "tenantUpdate", tenantId=made["id"], description="Not for long")
    await shop.do(shop.operator, "tenantSuspend", tenantId=made["id"])
    await shop.do(shop.operator, "tenantReactivate", tenantId=made["id"])
    await shop.do(shop.operator, "tenantSuspend", tenantId=made["id"])
    await shop.do(shop.operator, "tenantDelete", tenantId=made["id"], slug=made["slug"])
    domain = f"queue.{shop.business.slug}.example"
    claim = (await shop.do(shop.admin, "tenantDomainClaim", domain=domain))["domainClaim"]
    shop.names.records[claim["recordName"]] = [claim["recordValue"]]
    await shop.do(shop.admin, "tenantDomainVerify", domain=domain)
    await shop.do(shop.admin, "tenantDomainRemove", domain=domain)


async def staff(shop: Everybody) -> None:
    """Colleagues, roles and programs."""
    user, _ = await shop.member("STAFF", "colleague")
    await shop.do(shop.admin, "userUpdate", userId=user, firstName="Max")
    await shop.do(shop.admin, "userDeactivate", userId=user)
    await shop.do(shop.admin, "userReactivate", userId=user)
    role = await shop.do(shop.admin, "customRoleCreate", name="Greeter", permissions=["queue:read"])
    await shop.do(shop.admin, "customRoleUpdate", customRoleId=role["id"], permissions=["queue:read", "session:read"])
    await shop.do(shop.admin, "customRoleDelete", customRoleId=role["id"])
    key = (await shop.do(shop.admin, "apiKeyCreate", name="Till", scopes=["queue:read"]))["apiKey"]
    await shop.do(shop.admin, "apiKeyUpdate", apiKeyId=key["id"], name="Other till")
    await shop.do(shop.admin, "apiKeyRotate", apiKeyId=key["id"])
    await shop.do(shop.admin, "apiKeyRevoke", apiKeyId=key["id"])
    for email, accepts in ((f"new@{shop.business.slug}.example", True), (f"late@{shop.business.slug}.example", False)):
        invitation = await shop.do(shop.admin, "userInvite", email=email, role="STAFF")
        if accepts:
            text = await shop.invitation(email)
            await shop.do(shop.api.anonymous, "invitationAccept", invitation=text, password=PASSWORD)
        else:
            await shop.do(shop.admin, "invitationRevoke", invitationId=invitation["id"])


async def accounts(shop: Everybody) -> None:
    """A customer registers, and minds their account."""
    tenant = await shop.admin("{ viewer { ... on User { tenant { id } } } }")
    await shop.do(shop.admin, "tenantUpdate", tenantId=tenant["tenant"]["id"], settings={"registrationOpen": True})
    email, stranger = f"customer@{shop.business.slug}.example", shop.api.anonymous
    sent = await shop.do(stranger, "userRegister", email=email, tenantSlug=shop.business.slug)
    given = {"codeToken": sent["codeToken"], "code": await shop.code(email)}
    await shop.do(stranger, "userConfirm", password=NEW_PASSWORD, **given)
    sent = await shop.do(stranger, "passwordRequestReset", email=email, tenantSlug=shop.business.slug)
    given = {"codeToken": sent["codeToken"], "code": await shop.code(email)}
    await shop.do(stranger, "passwordReset", password=PASSWORD, **given)
    login = {"email": email, "tenantSlug": shop.business.slug}
    for _ in range(2):
        tokens = await shop.do(stranger, "userLogin", password=PASSWORD, **login)
    fresh = await shop.do(stranger, "loginRefresh", refreshToken=tokens["refreshToken"])
    customer = Caller(shop.api, fresh["accessToken"])
    await shop.do(customer, "loginRevoke")
    await shop.do(customer, "profileUpdate", firstName="Jane")
    await shop.do(customer, "passwordChange", password=NEW_PASSWORD, currentPassword=PASSWORD)
    other, phone = f"jane@{shop.business.slug}.example", "+49 30 901820"
    sent = await shop.do(customer, "emailChange", email=other)
    await shop.do(customer, "emailConfirm", codeToken=sent["codeToken"], code=await shop.code(other))
    sent = await shop.do(customer, "phoneChange", phone=phone)
    code = await shop.code(phone.replace(" ", ""))
    changed = await shop.do(customer, "phoneConfirm", codeToken=sent["codeToken"], code=code)
    await shop.do(customer, "phoneRemove", phone=changed["phone"])
    await shop.do(stranger, "logout", refreshToken=fresh["refreshToken"])


async def second_factors(shop: Everybody) -> None:
    """Somebody has codes sent to them; then a business asks for an app."""
    by_mail = {"kind": "EMAIL_CODE"}
    _, email = await shop.member("STAFF", "careful")
    person = Caller(shop.api, (await shop.sign_in(email))["accessToken"])
    await shop.do(person, "secondFactorEnroll", **by_mail)
    await shop.do(person, "secondFactorConfirm", code=await shop.code(email), **by_mail)
    await shop.do(person, "loginStepUpSendCode", **by_mail)
    await shop.do(person, "loginStepUp", method="EMAIL_CODE", proof=await shop.code(email))
    await shop.do(person, "secondFactorRenewRecoveryCodes", replace=True)
    challenge = {"challengeToken": (await shop.sign_in(email))["challengeToken"]}
    await shop.do(shop.api.anonymous, "loginSendCode", **challenge, **by_mail)
    await shop.do(shop.api.anonymous, "loginVerify", method="EMAIL_CODE", code=await shop.code(email), **challenge)
    await shop.do(person, "secondFactorRemove", **by_mail)
    manager, email = await shop.member("MANAGER", "manager")
    await shop.do(shop.admin, "tenantSetSecondFactorPolicy", roles=["MANAGER"], codes=True)
    challenge = {"challengeToken": (await shop.sign_in(email))["challengeToken"]}
    await shop.do(shop.api.anonymous, "loginEnroll", **challenge, **by_mail)
    await shop.do(shop.api.anonymous, "loginVerify", method="EMAIL_CODE", code=await shop.code(email), **challenge)
    await shop.do(shop.admin, "userResetSecondFactors", userId=manager)


async def providers(shop: Everybody) -> None:
    """The administrator is known by a provider for a while."""
    front_end = "https://shop.example"
    google = {"kind": "GOOGLE", "clientId": "id", "clientSecret": "secret", "returnOrigins": [front_end]}
    made = await shop.do(shop.admin, "identityProviderCreate", slug="sso", name="Staff", **google)
    await shop.do(shop.admin, "identityProviderUpdate", identityProviderId=made["id"], name="Our staff")
    start = {"providerSlug": "sso", "returnUrl": f"{front_end}/account", "challenge": VALUES["challenge"]}
    await shop.do(shop.admin, "userIdentityStartLink", **start)
    me = (await shop.admin("{ viewer { ... on User { id } } }"))["id"]
    back = await shop.returned(ProofPurpose.LINK, made["id"], me)
    identity = await shop.do(shop.admin, "userIdentityLink", **back)
    back = await shop.returned(ProofPurpose.SIGN_IN, made["id"], me)
    await shop.do(shop.api.anonymous, "loginExchange", **back)
    await shop.do(shop.admin, "userIdentityUnlink", userIdentityId=identity["id"])
    await shop.do(shop.admin, "identityProviderDelete", identityProviderId=made["id"])


async def messages(shop: Everybody) -> None:
    """The business has a mail server of its own, which cannot be reached."""
    given = {"options": {"host": "127.0.0.1", "sender": "us@shop.example"}, "credentials": {"password": "secret"}}
    made = await shop.do(shop.admin, "messageProviderCreate", kind="SMTP", name="Our mails", **given)
    await shop.do(shop.admin, "messageProviderUpdate", messageProviderId=made["id"], name="Our mail server")
    await shop.do(shop.admin, "messageProviderTest", messageProviderId=made["id"], to="somebody@shop.example")
    await shop.do(shop.admin, "messageProviderDelete", messageProviderId=made["id"])


async def webhooks(shop: Everybody) -> None:
    """Another system is told what happens, though nobody is there."""
    # Of a kind that does not happen: what is owed to it is the relay's doing, not a mutation's.
    given = {"url": "https://hooks.shop.example/queue", "eventTypes": ["ADMISSION_TOKEN_USED"]}
    made = await shop.do(shop.admin, "webhookEndpointCreate", name="Warehouse", **given)
    endpoint = {"endpointId": made["endpoint"]["id"]}
    await shop.do(shop.admin, "webhookEndpointUpdate", name="Other warehouse", **endpoint)
    await shop.do(shop.admin, "webhookSecretRotate", **endpoint)
    delivery = await shop.do(shop.admin, "webhookEndpointPing", **endpoint)
    await shop.do(shop.admin, "webhookDeliveryReplay", deliveryId=delivery["id"])
    hour = {"since": VALUES["since"], "until": VALUES["until"]}
    await shop.do(shop.admin, "webhookRangeReplay", **hour, **endpoint)
    await shop.do(shop.admin, "webhookEndpointDelete", **endpoint)


async def integrations(shop: Everybody) -> None:
    """A queue costs something for a while, and somebody is asked to pay."""
    async with standing_in(StripeStandIn()) as stripe:
        secrets = {"secretKey": KEY, "webhookSecret": SECRET}
        given = {"options": {"baseUrl": stripe.base}, "credentials": secrets}
        made = await shop.do(shop.admin, "integrationCreate", adapter="STRIPE", name="Fees", **given)
        await shop.do(shop.admin, "integrationUpdate", integrationId=made["id"], name="Our fees")
        await shop.do(shop.admin, "integrationTest", integrationId=made["id"])
        queue = (await shop.do(shop.admin, "queueCreate", name="Tickets", slug="tickets"))["id"]
        fee = {"amount": 500, "currency": "EUR", "description": "Booking fee"}
        await shop.do(shop.admin, "queueSetFee", queueId=queue, fee=fee)
        visitor = await _join(shop, queue)
        here = shop.api.runtime.settings.base_url
        await shop.do(visitor[1], "sessionPay", sessionId=visitor[0], returnUrl=here)
        other = await shop.do(shop.admin, "integrationCreate", adapter="HUBSPOT", name="CRM", credentials=_TOKEN)
        await shop.do(shop.admin, "integrationDelete", integrationId=other["id"])


async def queues(shop: Everybody) -> None:
    """A queue is set up, opened and closed, and put away."""
    queue = (await shop.do(shop.admin, "queueCreate", name="Visas", slug="visas"))["id"]
    await shop.do(shop.admin, "queueUpdate", queueId=queue, capacity=50)
    for verb in ("queuePause", "queueResume", "queueClose", "queueOpen", "queueStartMaintenance", "queueOpen"):
        await shop.do(shop.admin, verb, queueId=queue)
    category = await shop.do(shop.admin, "queueCategoryCreate", queueId=queue, name="Families")
    await shop.do(shop.admin, "queueCategoryUpdate", categoryId=category["id"], priority=3)
    people = {"queueId": queue, "kind": "BYPASS", "userIdentifiers": ["ada", "grace"]}
    await shop.do(shop.admin, "accessEntryAdd", **people)
    await shop.do(shop.admin, "accessEntryRemove", **people)
    codes = await shop.do(shop.admin, "accessCodeCreate", queueId=queue, kind="PRIORITY", priority=5)
    await shop.do(shop.admin, "accessCodeRevoke", queueId=queue, codeIds=[codes[0]["id"]])
    event = await shop.do(
        shop.admin,
        "scheduledEventCreate",
        queueId=queue,
        name="Sale",
        startsAt="2500-01-01T00:00:00Z",
        endsAt="2500-01-02T00:00:00Z",
    )
    await shop.do(shop.admin, "scheduledEventUpdate", scheduledEventId=event["id"], name="Great sale")
    await shop.do(shop.admin, "scheduledEventDelete", scheduledEventId=event["id"])
    hours = [{"day": "MONDAY", "opens": "09:00", "closes": "17:00"}]
    await shop.do(shop.admin, "queueSetHours", queueId=queue, weekly=hours)
    await shop.do(shop.admin, "queueArchive", queueId=queue)
    await shop.do(shop.admin, "notificationTemplateSet", kind="CALLED", subject="Your turn", body="Please come.")
    rule = await shop.do(shop.admin, "messageRuleCreate", kind="COMPLETED", channels=["EMAIL"], delaySeconds=60)
    await shop.do(shop.admin, "messageRuleUpdate", messageRuleId=rule["id"], isEnabled=False)
    of_rule = {"kind": "COMPLETED", "channel": "EMAIL", "locale": "en", "ruleId": rule["id"]}
    await shop.do(shop.admin, "notificationTemplateSet", subject="Goodbye", body="Come again.", **of_rule)
    await shop.do(shop.admin, "notificationTemplateRemove", **of_rule)
    await shop.do(shop.admin, "messageRuleDelete", messageRuleId=rule["id"])
    alarm = await shop.do(shop.admin, "alertRuleCreate", name="Crowd", metric="WAITING_COUNT", threshold=5)
    await shop.do(shop.admin, "alertRuleUpdate", alertRuleId=alarm["id"], severity="CRITICAL")
    await shop.do(shop.admin, "alertAcknowledge", alertId=await raised(shop.api, shop.tenant_id, alarm["id"]))
    await shop.do(shop.admin, "alertRuleDelete", alertRuleId=alarm["id"])


async def sessions(shop: Everybody) -> None:
    """Visitors wait, and are called and served."""
    queue, other = [(await shop.do(shop.admin, "queueCreate", name=slug, slug=slug))["id"] for slug in ("one", "two")]
    counter = (await shop.do(shop.admin, "counterCreate", name="One", queueIds=[queue]))["id"]
    await shop.do(shop.admin, "counterUpdate", counterId=counter, queueIds=[queue, other])
    for verb in ("shiftStart", "shiftPause", "shiftResume"):
        await shop.do(shop.admin, verb, counterId=counter)
    first, second, third, fourth, fifth = [await _join(shop, queue) for _ in range(5)]
    codes = await shop.do(shop.admin, "accessCodeCreate", queueId=queue, kind="PRIORITY", priority=5)
    await shop.do(second[1], "sessionUseAccessCode", sessionId=second[0], accessCode=codes[0]["code"])
    await shop.do(first[1], "sessionStepBack", sessionId=first[0], places=1)
    for verb in ("pushDeviceRegister", "pushDeviceRemove"):
        await shop.do(first[1], verb, fcmToken="a-token-of-an-app-1234")
    message = await received(shop.api, shop.tenant_id, first[0])
    await shop.do(first[1], "notificationMarkRead", notificationIds=[message])
    await shop.do(first[1], "notificationPreferencesSet", channels=["EMAIL"])
    await shop.do(shop.admin, "notificationDefaultsSet", moreTimePlaces=2)
    await shop.do(shop.admin, "notificationOptOutSet", channel="EMAIL", recipient="anna@example.com")
    failed = await failed_message(shop.api, shop.tenant_id, first[0])
    await shop.do(shop.admin, "notificationRetry", notificationId=failed)
    texts = [{"locale": "en", "subject": "We close early", "body": "At 4 pm."}]
    told = await shop.do(shop.admin, "notificationBroadcastStart", queueId=queue, texts=texts, channels=["IN_APP"])
    await shop.do(shop.admin, "notificationBroadcastCancel", broadcastId=told["id"])
    await shop.do(shop.admin, "sessionAddNote", sessionId=first[0], text="Needs a ramp")
    await shop.do(shop.admin, "sessionSetPriority", sessionId=third[0], priority=7)
    await shop.do(shop.admin, "sessionHold", sessionId=fourth[0])
    await shop.do(shop.admin, "sessionUnhold", sessionId=fourth[0])
    await shop.do(shop.admin, "sessionTransfer", sessionId=fifth[0], toQueueId=other)
    await shop.do(fourth[1], "sessionCancel", sessionId=fourth[0])
    called = await shop.do(shop.admin, "queueCallNext", queueId=queue, counterId=counter)
    for verb in ("sessionRecall", "sessionStart", "sessionComplete"):
        await shop.do(shop.admin, verb, sessionId=called["id"])
    await shop.do(shop.admin, "queueSetFeedback", queueId=queue, feedback={"asksNps": True})
    await shop.do(shop.admin, "sessionRate", sessionId=called["id"], score=5, nps=9, comment="Quick and friendly")
    await shop.do(shop.admin, "sessionCall", sessionId=second[0], counterId=counter)
    await shop.do(shop.admin, "sessionReturnToQueue", sessionId=second[0])
    await shop.do(shop.admin, "sessionCall", sessionId=second[0], counterId=counter)
    await shop.do(shop.admin, "sessionMarkNoShow", sessionId=second[0])
    await shop.do(shop.admin, "shiftEnd", counterId=counter)


async def admissions(shop: Everybody) -> None:
    """A site lets people in one by one, and says how it is."""
    queue = await shop.do(
        shop.admin,
        "queueCreate",
        name="Site",
        slug="site",
        mode="METERED",
        maxConcurrentUsers=9,
        claimSeconds=900,
        staySeconds=900,
        graceSeconds=None,
        phoneGraceSeconds=None,
    )
    key = await shop.do(shop.admin, "apiKeyCreate", name="Site", scopes=["health:report"])
    await shop.do(Caller(shop.api, key["secret"]), "originHealthReport", queueId=queue["id"], health="DEGRADED")
    site, sessions, tokens = shop.api.anonymous, [], []
    for _ in range(2):
        session, visitor = await _join(shop, queue["id"])
        place = await visitor("query($id: ID!) { session(id: $id) { admission { token } } }", id=session)
        entered = await shop.do(site, "admissionEnter", token=place["admission"]["token"])
        sessions.append(session)
        tokens.append(entered["token"])
    await shop.do(site, "admissionVerify", token=tokens[0], consume=True)
    # Before that a stay is as good as new.
    shop.clock.advance(minutes=2)
    renewed = await shop.do(site, "admissionRenew", token=tokens[0])
    await shop.do(site, "admissionLeave", token=renewed["token"])
    await shop.do(shop.admin, "admissionRevoke", sessionId=sessions[1])


async def people(shop: Everybody) -> None:
    """Somebody wants to see what is held about them, and then that nothing is."""
    queue = (await shop.do(shop.admin, "queueCreate", name="Desk", slug="desk"))["id"]
    await _join(shop, queue, userIdentifier="customer-4711")
    await shop.do(shop.admin, "loginStepUp", method="PASSWORD", proof=PASSWORD)
    await shop.do(shop.admin, "personExport", userIdentifier="customer-4711")
    await shop.do(shop.admin, "personErase", userIdentifier="customer-4711")
    await shop.do(shop.admin, "retentionSet", sessionDays=30)


async def transfers(shop: Everybody) -> None:
    """Somebody takes a file with them, and changes their mind about another."""
    await shop.do(shop.admin, "exportCreate", kind="USERS", format="CSV")
    unwanted = await shop.do(shop.admin, "exportCreate", kind="QUEUES", format="XLSX")
    await shop.do(shop.admin, "exportCancel", exportId=unwanted["id"])
    unsent = await shop.do(shop.admin, "importCreate", kind="QUEUES", format="CSV")
    await shop.do(shop.admin, "importCancel", importId=unsent["id"])


async def reports(shop: Everybody) -> None:
    """Somebody keeps what they look at every morning, and has it sent."""
    board = await shop.do(shop.admin, "savedDashboardCreate", name="Mornings")
    await shop.do(shop.admin, "savedDashboardUpdate", dashboardId=board["id"], isShared=True)
    await shop.do(shop.admin, "savedDashboardDelete", dashboardId=board["id"])
    kept = await shop.do(shop.admin, "savedReportCreate", name="Weekly", period="LAST_WEEK")
    await shop.do(shop.admin, "savedReportUpdate", reportId=kept["id"], period="LAST_MONTH")
    await shop.do(shop.admin, "savedReportRun", reportId=kept["id"])
    other = await shop.do(shop.admin, "savedReportCreate", name="Never", period="TODAY")
    await shop.do(shop.admin, "savedReportDelete", reportId=other["id"])


async def operators(shop: Everybody) -> None:
    """What a worker gave up is tried again."""
    now = shop.clock.now()
    job = Job(tenant_id=shop.tenant_id, id=new_id(), name="test.of_nobody", args={}, dedupe_key="of nobody")
    job.created_at = job.due_at = job.send_at = job.failed_at = now
    async with shop.api.runtime.dbs.system.write(shop.tenant_id) as tx:
        tx.add(job)
    await shop.do(shop.operator, "jobRetry", jobId=encode("Job", shop.tenant_id, job.id))


DAY = (
    tenants,
    staff,
    accounts,
    second_factors,
    providers,
    webhooks,
    integrations,
    messages,
    queues,
    sessions,
    admissions,
    people,
    transfers,
    reports,
    operators,
)


async def _join(shop: Everybody, queue: str, **given: Any) -> tuple[str, Caller]:
    joined = await shop.do(shop.api.anonymous, "queueJoin", queueId=queue, **given)
    return joined["session"]["id"], Caller(shop.api, joined["sessionToken"])
