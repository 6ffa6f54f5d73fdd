"""Whatever a mutation changes, an event says so, in the same transaction: who, in which request, and from where.

Every mutation of the schema is done once, and the database itself tells what each transaction has written. A mutation
that nobody does, or that changes nothing, has to be written down here with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar
from uuid import uuid4

import httpx
import pytest

from app.core.actor import ANONYMOUS, Origin
from app.core.clock import ManualClock
from app.core.events import Event, record
from app.core.ids import decode
from app.settings import Settings
from tests.admission.gate import start
from tests.audit.everybody import AGENT, Done, Everybody
from tests.audit.everything import DAY
from tests.audit.ledger import Written, spying
from tests.support.api import Api, Business, new_app
from tests.support.dns_server import name_server
from tests.support.holdings import platform
from tests.support.schema_walk import root_fields

# Rows that are no change anybody would look for in a log.
BOOKKEEPING: Mapping[str, str] = {
    "events": "the log itself",
    "event_seals": "the log's seals, written by the relay",
    "jobs": "what follows from an event, and its progress",
    "idempotency_keys": "the answer for a retry; the change it is the answer of has its event",
    "refresh_tokens": "each is exchanged every few minutes; opening and ending the sign-in are events",
    "login_challenges": "half a sign-in, for minutes; what it opens is an event, and so is a code that is sent",
    "provider_proofs": "half a sign-in, for a minute; what it opens is an event",
    "presences": "who has a page open just now",
    "presence_reporters": "which process says so",
    "api_minutes": "a count of operations that were answered",
    "deprecated_uses": "a count of fields that were asked for",
    "periodic_tasks": "when periodic work is due",
    "integration_health": "how other systems have answered, counted whenever one is asked; a test has its event",
    "message_provider_health": "whether providers work, counted with every message; a test has its event",
    "signing_keys": "made by the process that needs one, not by whoever is the first to ask",
}
# What a mutation may write besides, without a word.
BESIDE: Mapping[tuple[str, str], str] = {
    ("loginRefresh", "logins"): "when a sign-in was last used, every few minutes",
    ("originHealthReport", "api_key_secrets"): "when a key was last used; written by itself, not with the report",
}
# Mutations whose success leaves nothing but that.
QUIET: Mapping[str, str] = {
    "loginRefresh": "a pair of tokens for another: who may do what is as before",
    "jobRetry": "a job is owed again; that somebody has said so is an event",
    "userIdentityStartLink": "an address to send the browser to, with all that has to be known in it",
}


@dataclass(frozen=True)
class Seeded(Event):
    """Something that has happened."""

    type: ClassVar[str] = "SEEDED"


def changed(each: Done, written: Written) -> list[str]:
    """The tables in which a transaction has changed something that has to be in the log."""
    return sorted(name for name in written.tables if name not in BOOKKEEPING and (each.mutation, name) not in BESIDE)


def unsaid(each: Done) -> Iterator[str]:
    """What is missing in the log of something that was done."""
    for written in each.written:
        tables = changed(each, written)
        if tables and not any(_tells(event, each) for event in written.events):
            yield f"{each.mutation} writes {', '.join(tables)}; events: {_shown(written)}"


def _tells(event: dict[str, object], each: Done) -> bool:
    return bool(event["actor"]) and (event["request_id"], event["address"], event["agent"]) == (
        each.request_id,
        "127.0.0.1",
        AGENT,
    )


def _shown(written: Written) -> str:
    names = ("type", "actor", "request_id", "address", "agent")
    return ", ".join("/".join(str(event[name]) for name in names) for event in written.events) or "none"


async def everything_done(settings: Settings) -> list[Done]:
    """Everything that can be done, as it was done."""
    clock = ManualClock(start())
    assert settings.database_url is not None
    async with name_server() as names:
        there = {"dns_servers": (names.server,), "outbound_networks": ("127.0.0.0/8",)}
        app = new_app(settings.model_copy(update=there), clock)
        http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
        async with app.router.lifespan_context(app), http, spying(settings.database_url) as ledger:
            api = Api(app, http)
            everybody = Everybody(api, clock, ledger, names, await api.new_business(), await platform(api))
            for part in DAY:
                await part(everybody)
            return everybody.done


async def test_whatever_any_mutation_changes_is_in_the_log(migrated_settings: Settings) -> None:
    done = await everything_done(migrated_settings)
    mutations = {field.name for field in root_fields() if field.operation == "mutation"}
    assert {each.mutation for each in done} == mutations
    assert [line for each in done for line in unsaid(each)] == []
    # What has not changed anything, as far as that can be told, has not been tested.
    assert {each.mutation for each in done if not any(changed(each, written) for written in each.written)} == set(QUIET)
    wrote = {(each.mutation, name) for each in done for written in each.written for name in written.tables}
    assert set(BESIDE) <= wrote


@pytest.mark.parametrize("request_id", ["asked", "another", None])
async def test_a_change_without_its_event_is_found(
    api: Api, business: Business, migrated_settings: Settings, request_id: str | None
) -> None:
    """A mutation that forgets to say so, or says so in another transaction, or for somebody else's request."""
    assert migrated_settings.database_url is not None
    queue = decode("Queue", await business.queue())
    origin = Origin("127.0.0.1", AGENT)
    async with spying(migrated_settings.database_url) as ledger:
        async with api.runtime.dbs.app.write(queue.tenant_id, ANONYMOUS, request_id, origin) as tx:
            record(tx, "seed", uuid4(), 1, Seeded(), tx.now())
            if request_id is not None:
                await tx.rows("update queues set name = 'Other' where id = $1 returning 1", queue.id)
        if request_id is None:
            async with api.runtime.dbs.app.write(queue.tenant_id, ANONYMOUS, "asked", origin) as tx:
                await tx.rows("update queues set name = 'Other' where id = $1 returning 1", queue.id)
        found = list(unsaid(Done("queueRename", "asked", await ledger.take())))
    assert [line.partition(";")[0] for line in found] == (
        [] if request_id == "asked" else ["queueRename writes queues"]
    )
