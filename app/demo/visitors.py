"""Simulated visitors of the demo's protected site: each comes, waits, looks round and leaves, or does not.

A visitor is a browser without a window: it knows the site's address, follows redirects, and does on the waiting page
what the page's script does. Shows nothing: see `picture.py`.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from urllib.parse import urlsplit

import httpx

from app.demo.queue import DemoQueue, demo_queue
from app.replay.client import ApiError, Client, SessionToken

_JOIN = """mutation DemoJoin($input: QueueJoinInput!) { queueJoin(input: $input) { __typename
  ... on QueueJoinSuccess { sessionToken session { id position ticketNumber admission { token } } }
  ... on UserError { message } } }"""
_CHANGED = """subscription DemoChanged($id: ID!) {
  sessionChanged(sessionId: $id, maxPerSecond: 4) { status position ticketNumber } }"""
_ADMISSION = "query DemoAdmission($id: ID!) { session(id: $id) { status admission { token } } }"

_PAGE = {"accept": "text/html", "sec-fetch-mode": "navigate"}
_QUEUE_SECONDS = 0.5
_MINUTE = 60.0


class Stage(StrEnum):
    """Where a visitor is."""

    COMING = "coming"
    WAITING = "waiting"
    RELEASED = "released"
    INSIDE = "inside"
    LEFT = "left"
    EXPIRED = "went away inside"
    NO_SHOW = "did not come in"
    FAILED = "failed"


class Habit(StrEnum):
    """What a visitor does with its turn."""

    LEAVES = "leaves"
    GOES_AWAY = "goes away without a word"
    NEVER_ENTERS = "does not come back when it is its turn"


@dataclass(slots=True)
class Visitor:
    """One simulated visitor."""

    number: int
    habit: Habit
    comes_after: float
    stays: float
    stage: Stage = Stage.COMING
    ticket: str = ""
    position: int | None = None
    first_position: int | None = None
    renewals: int = 0
    trouble: str = ""


@dataclass(slots=True)
class Crowd:
    """All of them, and what is seen of the queue meanwhile."""

    client: Client
    queue: DemoQueue
    visitors: list[Visitor]
    random: Random
    pace: float = 1.0
    most_inside: int = 0
    caps: set[int | None] = field(default_factory=set)
    """All that were in force: staff may change the cap while people wait."""
    releases: deque[float] = field(default_factory=deque)
    news: deque[str] = field(default_factory=lambda: deque(maxlen=6))

    async def pause(self, least: float, most: float) -> None:
        """What people do between two clicks."""
        await asyncio.sleep(self.random.uniform(least, most) / self.pace)

    @property
    def released_last_minute(self) -> int:
        """How many of ours were released in the last 60 seconds."""
        while self.releases and time.monotonic() - self.releases[0] > _MINUTE:
            self.releases.popleft()
        return len(self.releases)

    def count(self, *stages: Stage) -> int:
        """How many are there."""
        return sum(visitor.stage in stages for visitor in self.visitors)


async def gather(client: Client, count: int, seed: int, pace: float) -> Crowd:
    """A crowd before the door; at pace 2 everybody lives twice as fast."""
    queue = await demo_queue(client, patience=2.0)
    random = Random(seed)
    visitors = []
    for number in range(1, count + 1):
        habit = random.choices(list(Habit), weights=(8, 1, 1))[0]
        visitors.append(Visitor(number, habit, random.uniform(0, 6) / pace, random.uniform(8, 30) / pace))
    return Crowd(client, queue, visitors, random, pace)


async def play(crowd: Crowd) -> None:
    """Until everybody is gone."""
    looking = asyncio.create_task(_look(crowd))
    try:
        async with asyncio.TaskGroup() as tasks:
            for visitor in crowd.visitors:
                tasks.create_task(_visit(crowd, visitor))
    finally:
        looking.cancel()


async def _look(crowd: Crowd) -> None:
    """The queue's own counts, which include everybody else's browsers."""
    while True:
        crowd.queue = await demo_queue(crowd.client)
        crowd.caps.add(crowd.queue.most_inside)
        crowd.most_inside = max(crowd.most_inside, crowd.queue.released + crowd.queue.inside)
        await asyncio.sleep(_QUEUE_SECONDS)


async def _visit(crowd: Crowd, visitor: Visitor) -> None:
    await asyncio.sleep(visitor.comes_after)
    try:
        # Cookies of its own, as every browser has.
        async with httpx.AsyncClient(headers=_PAGE, timeout=15, trust_env=False) as browser:
            await _story(crowd, visitor, browser)
    except (httpx.HTTPError, ApiError, LookupError) as problem:
        visitor.stage, visitor.trouble = Stage.FAILED, str(problem) or type(problem).__name__


async def _story(crowd: Crowd, visitor: Visitor, browser: httpx.AsyncClient) -> None:
    sale = f"{crowd.queue.site_origin}/sale"
    waiting_page = (await browser.get(sale)).headers["location"]
    queue_id = urlsplit(waiting_page).path.rpartition("/")[2]
    token = await _wait(crowd, visitor, queue_id)
    if token is None:
        visitor.stage = Stage.NO_SHOW
        return
    visitor.stage = Stage.RELEASED
    crowd.releases.append(time.monotonic())
    crowd.news.append(f"{visitor.ticket} is released")
    if visitor.habit is Habit.NEVER_ENTERS:
        await crowd.pause(2, 5)
        visitor.stage = Stage.NO_SHOW
        crowd.news.append(f"{visitor.ticket} does not come in: the place is the next one's when the claim window ends")
        return
    await crowd.pause(0.2, 1.5)
    arrival = await browser.get(sale, params={"vq_admission": token})
    if arrival.headers.get("location") != sale:
        raise LookupError(f"not let in: {arrival.status_code} {arrival.headers.get('location', '')}")
    visitor.stage = Stage.INSIDE
    await _look_round(crowd, visitor, browser, sale)


async def _wait(crowd: Crowd, visitor: Visitor, queue_id: str) -> str | None:
    """Join, and watch the place until the admission comes; null if it ends otherwise."""
    given = {"queueId": queue_id, "metadata": {"simulated": True}}
    joined = (await crowd.client.execute(_JOIN, {"input": given}))["queueJoin"]
    match joined:
        case {
            "sessionToken": str(key),
            "session": {"id": str(id), "ticketNumber": str(ticket), "position": position, "admission": admission},
        }:
            bearer = SessionToken(key)
        case _:
            raise LookupError(f"cannot join: {joined}")
    visitor.stage = Stage.WAITING
    _moved(visitor, ticket, position)
    match admission:
        case {"token": str(token)}:
            return token
    async for item in crowd.client.watch(_CHANGED, lambda: {"id": id}, bearer):
        match item:
            case {"sessionChanged": {"status": "WAITING", "ticketNumber": str(ticket), "position": position}}:
                _moved(visitor, ticket, position)
            case {"sessionChanged": {"status": "CALLED" | "SERVING"}}:
                break
    match await crowd.client.execute(_ADMISSION, {"id": id}, bearer):
        case {"session": {"admission": {"token": str(token)}}}:
            return token
    return None


async def _look_round(crowd: Crowd, visitor: Visitor, browser: httpx.AsyncClient, sale: str) -> None:
    until = time.monotonic() + visitor.stays
    while time.monotonic() < until:
        await crowd.pause(1, 4)
        page = await browser.get(f"{sale}/{crowd.random.randint(1, 8)}")
        if page.status_code != httpx.codes.OK:
            raise LookupError(f"sent away from inside: {page.status_code}")
        if "set-cookie" in page.headers:
            visitor.renewals += 1
            crowd.news.append(f"{visitor.ticket} has renewed the stay")
    if visitor.habit is Habit.GOES_AWAY:
        visitor.stage = Stage.EXPIRED
        crowd.news.append(f"{visitor.ticket} goes away without a word: the place is free when the stay ends")
        return
    await browser.post(f"{crowd.queue.site_origin}/vq/leave")
    visitor.stage = Stage.LEFT
    crowd.news.append(f"{visitor.ticket} has left")


def _moved(visitor: Visitor, ticket: str, position: object) -> None:
    visitor.ticket = ticket
    visitor.position = position if isinstance(position, int) else None
    if visitor.first_position is None:
        visitor.first_position = visitor.position
