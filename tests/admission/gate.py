"""A METERED queue, its visitors and the site behind it, at a time the test moves. Checks nothing but what was done."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.core.actor import SYSTEM
from app.core.clock import ManualClock
from app.core.db import WriteTx
from app.core.ids import Ref, decode
from app.queues.line import LockedLine, lock
from app.sessions.metered.settle import settle
from tests.support.api import Api, Business, Caller, Joined
from tests.support.verbs import ask, done

ADMISSION = "sessionId queueId state token tokenExpiresAt releasedAt enteredAt renewedAt expiresAt endedAt end revision"


@dataclass(frozen=True)
class Gate:
    """A queue and whoever comes to it."""

    business: Business
    clock: ManualClock
    queue: str

    @property
    def api(self) -> Api:
        return self.business.api

    @property
    def ref(self) -> Ref:
        return decode("Queue", self.queue)

    @property
    def site(self) -> Caller:
        """The protected site: it has no account."""
        return self.api.anonymous

    async def join(self, **given: Any) -> Joined:
        """Somebody who joins; with free places released at once."""
        return await self.business.join(self.queue, **given)

    async def admission(self, joined: Joined, caller: Caller | None = None) -> Any:
        """What `Session.admission` says."""
        found = await (caller or joined.visitor)(
            f"query($id: ID!) {{ session(id: $id) {{ status admission {{ {ADMISSION} }} }} }}", id=joined.id
        )
        return found["admission"]

    async def token(self, joined: Joined) -> str:
        """The token the visitor has now."""
        return str((await self.admission(joined))["token"])

    async def ask(self, verb: str, **given: Any) -> dict[str, Any]:
        """What the site is answered."""
        return await ask(self.site, verb, **given)

    async def done(self, verb: str, **given: Any) -> dict[str, Any]:
        """The admission after what the site has done."""
        return await done(self.site, verb, **given)

    async def refused(self, verb: str, caller: Caller | None = None, **given: Any) -> dict[str, Any]:
        """The refusal of what the site has tried."""
        answer = await ask(caller or self.site, verb, **given)
        assert answer["__typename"].endswith("Error"), answer
        return answer

    async def inside(self, **given: Any) -> tuple[Joined, str]:
        """Somebody who is inside, and the token of the stay."""
        joined = await self.join(**given)
        entered = await self.done("admissionEnter", token=await self.token(joined))
        return joined, str(entered["token"])

    async def counts(self) -> dict[str, int]:
        """Who stands where."""
        return dict(
            await self.business.admin(
                "query($id: ID!) { queue(id: $id) { waitingCount calledCount servingCount } }", id=self.queue
            )
        )

    @asynccontextmanager
    async def held(self) -> AsyncIterator[tuple[WriteTx, LockedLine]]:
        """The line, held by somebody else."""
        async with self.api.runtime.dbs.app.write(self.ref.tenant_id, SYSTEM) as tx:
            yield tx, await lock(tx, self.ref.id)

    async def tick(self, **delta: float) -> None:
        """Let time pass, and the clockwork come by."""
        self.clock.advance(**delta)
        async with self.held() as (tx, line):
            await settle(tx, line)

    async def events(self) -> list[str]:
        """Types of all that has happened in the queue, in order."""
        found = await self.business.admin(
            "query($id: ID!) { queue(id: $id) { events(first: 100) { edges { node { type } } } } }", id=self.queue
        )
        return [edge["node"]["type"] for edge in found["events"]["edges"]]


def start() -> datetime:
    """A time to begin at: the present, because tokens of staff are signed by the same clock."""
    return datetime.now(UTC).replace(microsecond=250_000)


async def open_gate(business: Business, clock: ManualClock, **config: Any) -> Gate:
    """A gate with this configuration: two inside, a minute to enter, ten minutes to stay."""
    # Nobody keeps a page open here, and the application reports who does, whenever it likes.
    no_grace = {"graceSeconds": None, "phoneGraceSeconds": None}
    values = {"mode": "METERED", "maxConcurrentUsers": 2, "claimSeconds": 60, "staySeconds": 600} | no_grace | config
    return Gate(business, clock, await business.queue(**values))
