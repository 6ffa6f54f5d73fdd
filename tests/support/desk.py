"""A queue with a counter, and short words for what staff do there. Checks nothing but that it was done."""

from dataclasses import dataclass
from typing import Any

from tests.support.api import Business, Joined
from tests.support.verbs import ask, done


@dataclass(frozen=True)
class Desk:
    """A queue and the counter it is called to."""

    business: Business
    queue: str
    counter: str

    async def join(self, **given: Any) -> Joined:
        """Somebody who joins."""
        return await self.business.join(self.queue, **given)

    async def call(self, **given: Any) -> dict[str, Any]:
        """The session that is called next."""
        given = {"queueId": self.queue, "counterId": self.counter} | given
        return await done(self.business.admin, "queueCallNext", **given)

    async def do(self, verb: str, session: str | Joined, **given: Any) -> dict[str, Any]:
        """The session after something staff do with it."""
        return await done(self.business.admin, verb, sessionId=_id(session), **given)

    async def refused(self, verb: str, session: str | Joined, **given: Any) -> dict[str, Any]:
        """The refusal of something staff try."""
        answer = await ask(self.business.admin, verb, sessionId=_id(session), **given)
        assert answer["__typename"].endswith("Error"), answer
        return answer

    async def line(self) -> list[str]:
        """Ticket numbers in order."""
        queue = await self.business.admin(
            "query($id: ID!) { queue(id: $id) { waiting(first: 100) { edges { node { ticketNumber position } } } } }",
            id=self.queue,
        )
        nodes = [edge["node"] for edge in queue["waiting"]["edges"]]
        assert [node["position"] for node in nodes] == list(range(1, len(nodes) + 1))
        return [node["ticketNumber"] for node in nodes]


def _id(session: str | Joined) -> str:
    return session if isinstance(session, str) else session.id


async def open_desk(business: Business, **config: Any) -> Desk:
    """A desk of a queue with this configuration."""
    queue = await business.queue(**config)
    return Desk(business, queue, await business.counter(queue))
