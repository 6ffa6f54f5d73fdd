"""A desk at which somebody was served, and the database as an administrator sees it."""

from dataclasses import dataclass
from typing import Any

import pytest

from app.core.ids import Ref, parse
from tests.audit.conftest import Tamper, tamper
from tests.support.api import Api, Business, Joined
from tests.support.desk import Desk, open_desk
from tests.support.queue_logs import events_of
from tests.support.verbs import ask, done

__all__ = ["Tamper", "tamper"]


@dataclass(frozen=True)
class Visit:
    """Somebody who was served."""

    api: Api
    desk: Desk
    visitor: Joined

    @property
    def ref(self) -> Ref:
        return parse(self.visitor.id)[1]

    async def rate(self, **given: Any) -> dict[str, Any]:
        """The visitor's rating; it has to be taken."""
        return await done(self.visitor.visitor, "sessionRate", sessionId=self.visitor.id, **given)

    async def refused(self, **given: Any) -> tuple[str, str]:
        """How a rating is refused: the error, and its reason or field."""
        answer = await ask(self.visitor.visitor, "sessionRate", sessionId=self.visitor.id, **given)
        return answer["__typename"], answer.get("reason") or answer["field"]

    async def ask_for(self, **feedback: Any) -> dict[str, Any]:
        """Set what the queue asks."""
        return await ask(self.desk.business.admin, "queueSetFeedback", queueId=self.desk.queue, feedback=feedback)

    async def shown(self) -> dict[str, Any]:
        """What the visitor sees of it."""
        answer = await self.visitor.visitor(
            "query($id: ID!) { session(id: $id) { ratingUrl rating { score nps comment source } } }",
            id=self.visitor.id,
        )
        return dict(answer)

    async def link(self) -> str:
        """The path of the link."""
        url = (await self.shown())["ratingUrl"]
        return str(url).removeprefix(self.api.runtime.settings.base_url)

    async def ratings_in_log(self) -> list[dict[str, Any]]:
        """What the queue's log says of ratings."""
        log = await events_of(self.api, self.desk.queue)
        return [event.data for event in log if event.type == "SESSION_RATED"]


async def serve(api: Api, desk: Desk, **given: Any) -> Visit:
    """Somebody joins and is served."""
    visitor = await desk.join(**given)
    await desk.call()
    for verb in ("sessionStart", "sessionComplete"):
        await desk.do(verb, visitor)
    return Visit(api, desk, visitor)


@pytest.fixture
async def visit(api: Api, business: Business) -> Visit:
    return await serve(api, await open_desk(business))
