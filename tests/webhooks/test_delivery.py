"""From an event to a receiver that verifies it: once by its id, and later where a try has failed."""

from app.core.ids import parse
from app.webhooks import repository
from app.webhooks.carrier import Carrier
from tests.support.stand_ins.frame import HangUp, Reply, Silence
from tests.webhooks.conftest import Hooks

JOINED = ["SESSION_JOINED"]


async def test_what_happens_is_told_signed_and_in_the_api_s_words(hooks: Hooks) -> None:
    queue_id = await hooks.business.queue()
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    joined = await hooks.business.join(queue_id, contact={"email": "ada@private.example"}, userIdentifier="ada")
    (delivery,) = await hooks.relayed(1)
    assert (delivery["status"], delivery["eventType"], delivery["attemptCount"]) == ("PENDING", "SESSION_JOINED", 0)
    await hooks.carry()

    (message,) = hooks.receiver.messages
    assert (message["type"], message["version"], message["object"]) == (
        "SESSION_JOINED",
        1,
        {"type": "Queue", "id": queue_id},
    )
    assert message["revision"] == delivery["eventRevision"]
    assert message["data"]["session"]["id"] == joined.id
    assert message["data"]["session"]["ticketNumber"] == joined.ticket
    assert message["data"]["line"]["waitingCount"] == 1
    assert message["timestamp"].endswith("Z")
    assert "ada" not in str(message)

    told = await hooks.details(delivery["id"])
    assert (told["status"], told["attemptCount"], told["nextAttemptAt"], told["error"]) == ("DELIVERED", 1, None, None)
    assert told["request"]["webhookId"] == hooks.receiver.ids[0] == f"msg_{parse(delivery['id'])[1].id.hex}"
    assert told["request"]["body"].encode() == hooks.receiver.asked[0].body
    (attempt,) = told["attempts"]
    assert (attempt["number"], attempt["statusCode"], attempt["error"], attempt["answer"]) == (1, 204, None, "")
    assert attempt["url"] == hooks.receiver.url
    health = (await hooks.one(endpoint_id))["health"]
    assert (health["pendingCount"], health["failingSince"], health["lastError"]) == (0, None, None)
    assert health["lastDeliveredAt"] is not None
    # Nothing is left to do.
    assert await hooks.carrier.carry_due() == 0


async def test_only_what_was_asked_for(hooks: Hooks) -> None:
    one, other = await hooks.business.queue(), await hooks.business.queue()
    await hooks.endpoint(eventTypes=["SESSION_JOINED", "SESSION_CANCELLED"], queueIds=[one])
    everything = await hooks.endpoint()
    for queue_id in (one, other):
        joined = await hooks.business.join(queue_id)
        await hooks.business.act("sessionCancel", joined.id, joined.visitor)
    await hooks.relayed(2, eventType="SESSION_CANCELLED", endpointId=everything)
    log = await hooks.log()
    narrow = [(each["eventType"], each["objectId"]) for each in log if each["endpoint"]["id"] != everything]
    assert sorted(narrow) == [("SESSION_CANCELLED", one), ("SESSION_JOINED", one)]
    wide = {each["eventType"] for each in log if each["endpoint"]["id"] == everything}
    # Its own creation is the first thing it is told; what happened before is not.
    assert wide == {"WEBHOOK_ENDPOINT_CREATED", "SESSION_JOINED", "SESSION_CANCELLED"}


async def test_a_business_hears_of_its_own_events_only(hooks: Hooks) -> None:
    other = await hooks.business.api.new_business()
    await hooks.endpoint(eventTypes=JOINED)
    await other.join(await other.queue())
    await hooks.business.join(await hooks.business.queue())
    assert len(await hooks.relayed(1)) == 1


async def test_a_failed_try_comes_again_with_the_same_id(hooks: Hooks) -> None:
    endpoint_id = await hooks.endpoint(eventTypes=JOINED)
    await hooks.business.join(await hooks.business.queue())
    (delivery,) = await hooks.relayed(1)
    secret = "Bearer abcdef0123456789"
    body = f'{{"error": "no", "token": "{secret}", "who": "ada@private.example"}}'.encode()
    hooks.receiver.orders = [Reply(500, body), HangUp(after_taking=True), Silence()]
    impatient = hooks.settings.model_copy(update={"webhook_timeout_seconds": 1.0})
    for tries in (1, 2, 3):
        if tries == 3:
            hooks.carrier = Carrier(impatient, hooks.app, hooks.system)
        await hooks.carry()
        assert len(hooks.receiver.asked) == tries
        await hooks.carry()
        assert len(hooks.receiver.asked) == tries, "nothing is tried before its time"
        hooks.clock.advance(seconds=30)
    await hooks.carry()
    assert [asked.headers["webhook-id"] for asked in hooks.receiver.asked] == [hooks.receiver.ids[0]] * 4
    # The second was taken, and its answer lost: the receiver can tell by the id.
    assert len(hooks.receiver.ids) == 2
    assert len(set(hooks.receiver.ids)) == 1
    assert len({asked.body for asked in hooks.receiver.asked}) == 1
    assert len({asked.headers["webhook-signature"] for asked in hooks.receiver.asked}) > 1

    told = await hooks.details(delivery["id"])
    assert (told["status"], told["attemptCount"]) == ("DELIVERED", 4)
    newest, silent, cut, refused = told["attempts"]
    assert [each["statusCode"] for each in told["attempts"]] == [204, None, None, 500]
    assert refused["error"] == "The endpoint answered with status 500."
    assert '"error": "no"' in refused["answer"]
    assert "abcdef" not in refused["answer"]
    assert "ada@" not in refused["answer"]
    assert "connection broke" in cut["error"]
    assert silent["error"] == "No answer within 1 s."
    assert newest["error"] is None
    health = (await hooks.one(endpoint_id))["health"]
    assert (health["failingSince"], health["lastError"]) == (None, None)


async def test_the_log_is_kept_for_thirty_days_and_what_waits_for_nobody_no_longer(hooks: Hooks) -> None:
    kept = await hooks.endpoint(eventTypes=JOINED)
    off = await hooks.endpoint(eventTypes=JOINED)
    queue_id = await hooks.business.queue()
    await hooks.business.join(queue_id)
    await hooks.relayed(2)
    await hooks.update(off, isEnabled=False)
    await hooks.carry()
    await hooks.business.join(queue_id)
    await hooks.relayed(3)

    async def left() -> list[tuple[str, str]]:
        await repository.delete_old(hooks.system)
        return [(each["endpoint"]["id"], each["status"]) for each in await hooks.log()]

    hooks.clock.advance(days=29)
    assert sorted(await left()) == sorted([(kept, "DELIVERED"), (off, "PENDING"), (kept, "PENDING")])
    hooks.clock.advance(days=2)
    assert await left() == [(kept, "PENDING")]
