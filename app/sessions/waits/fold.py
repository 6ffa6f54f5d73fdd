"""Learns from a queue's log, event by event: who was told what on joining, and how long it took in truth. Pure.

However the log is cut into portions, what is learned is the same. What was *said* is by the memory that was served
then.
"""

import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, tzinfo
from uuid import UUID

import orjson

from app.estimates.memory import LineMemory, apart, recalled, remembered, together
from app.estimates.pace import Pace
from app.estimates.values import Features
from app.queues.events import QueueEventType
from app.sessions.line import Line, LineEventData
from app.sessions.waits.expected import Expected, Kind, Quantiles
from app.sessions.waits.observed import NOTHING_LEARNED, Observed, kind_of

MOST_KEPT = 5_000
"""Of a longer line the order is not kept between portions: until it is empty, whoever comes is taken to be the last."""
THINNED_FROM = 200
"""With so many in line each join is a sample; with n times as many, one of n, which stands for n."""

_JOINS = frozenset({QueueEventType.SESSION_JOINED, QueueEventType.SESSION_TRANSFERRED_IN})
_CALLS = frozenset({QueueEventType.SESSION_CALLED, QueueEventType.SESSION_RELEASED})
# Places changed by themselves: what was said of the old one says nothing of the new.
_MOVES = frozenset({QueueEventType.SESSION_STEPPED_BACK, QueueEventType.SESSION_PRIORITY_CHANGED})


@dataclass(frozen=True, slots=True)
class Sample:
    """What somebody was told on joining. `features` are None for waits that tell nothing of others."""

    revision: int
    session_id: UUID
    said_at: datetime
    ahead_count: int
    weight: int
    quantiles: Quantiles
    predictor: str | None
    features: Features | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A sample whose truth is awaited."""

    revision: int
    said_at: datetime
    features: Features | None


@dataclass(frozen=True, slots=True)
class Decided:
    """The truth of a sample: how long, and whether a call ended it."""

    revision: int
    at: datetime
    waited_seconds: float
    is_served: bool


@dataclass(slots=True)
class Stored:
    """A `Learner` at rest."""

    said: bytes | None = None
    pace: bytes | None = None
    learning: bytes | None = None


@dataclass(slots=True)
class Learner:
    """One queue's memory, and what of its line has to be known to go on learning."""

    line: Line
    memory: LineMemory
    served: LineMemory
    """What estimates were said from when this portion happened."""
    is_order_known: bool = True
    samples: dict[int, Sample] = field(default_factory=dict)
    decided: list[Decided] = field(default_factory=list)
    """By revision, and in order: what this portion has brought."""

    @classmethod
    def at_rest(cls, revision: int, stored: Stored, zone: tzinfo) -> "Learner":
        """Where the last portion left off. Raises ValueError or KeyError for what cannot be read."""
        line = Line(revision)
        if stored.said is None or stored.pace is None or stored.learning is None:
            line.learned(Observed(zone=zone))
            # Of a log that begins later nothing is known before.
            return cls(line, LineMemory(), NOTHING_LEARNED, is_order_known=revision == 0)
        kept = orjson.loads(zlib.decompress(stored.learning))
        observed = Observed(zone=zone, pace=recalled(Pace, orjson.loads(stored.pace)))
        observed.waiting_by_category = kept["categories"]
        observed.credits = {int(id, 16): seconds for id, seconds in kept["credits"].items()}
        observed.entered = {int(id, 16): at for id, at in kept["entered"].items()}
        observed.memory = served = together(orjson.loads(stored.said), None)
        line.restore([int(id, 16) for id, _ in kept["order"]], [int(key, 16) for _, key in kept["order"]])
        line.learned(observed)
        memory = together(orjson.loads(stored.said), kept["staying"])
        return cls(line, memory, served, is_order_known=kept["isOrderKnown"])

    def rest(self) -> Stored:
        """What the next portion needs."""
        said, staying = apart(self.memory)
        observed = self.line.observed
        kept = {
            "staying": staying,
            "categories": observed.waiting_by_category,
            "credits": {f"{id:x}": seconds for id, seconds in observed.credits.items()},
            "entered": {f"{id:x}": at for id, at in observed.entered.items()},
            "order": [(f"{id:x}", f"{key:x}") for id, key in zip(self.line.in_order(), self.line.keys(), strict=True)],
            "isOrderKnown": self.is_order_known,
        }
        return Stored(
            orjson.dumps(said),
            orjson.dumps(remembered(observed.pace)),
            zlib.compress(orjson.dumps(kept), 1),
        )

    def learn(self, events: Iterable[LineEventData], begun: dict[int, Begun]) -> None:
        """Go through the next events. `begun` are the samples that were begun before, by `UUID.int` of the session."""
        for event in events:
            self._apply(event)
            key = event.session_key
            if key is None:
                continue
            if key in begun and (event.order_key is None or event.type in _MOVES):
                self._decide(begun.pop(key), event)
            if event.type in _JOINS and event.order_key is not None and (sample := self._sample(event)) is not None:
                self.samples[sample.revision] = sample
                begun[key] = Begun(sample.revision, sample.said_at, sample.features)

    def _apply(self, event: LineEventData) -> None:
        line = self.line
        waiting = event.line.waiting_count
        if self.is_order_known and (event.revision != line.revision + 1 or waiting > MOST_KEPT):
            self._forget_order()
        elif not self.is_order_known and waiting == 0:
            self.is_order_known = True
            line.revision = event.revision - 1
        if self.is_order_known:
            line.apply(event)
        else:
            line.pass_over(event)

    def _forget_order(self) -> None:
        observed = self.line.observed
        self.is_order_known = False
        self.line = Line(self.line.revision)
        self.line.learned(Observed(at=observed.at, zone=observed.zone, memory=observed.memory, pace=observed.pace))

    def _sample(self, event: LineEventData) -> Sample | None:
        session = event.session
        assert session is not None  # it was asked for
        assert event.session_key is not None
        waiting = event.line.waiting_count
        weight = max(waiting // THINNED_FROM, 1)
        if event.session_key % weight:
            return None
        ahead = self.line.ahead_count(event.session_key) if self.is_order_known else None
        if ahead is None:
            ahead = max(waiting - 1, 0)
        kind, expected = kind_of(session.category_id, session.joined_at, session.rank_time), self.line.expected
        return Sample(
            revision=event.revision,
            session_id=session.id,
            said_at=event.occurred_at,
            ahead_count=ahead,
            weight=weight,
            quantiles=expected.of(ahead, kind),
            predictor=expected.predictor(kind),
            features=_features(expected, ahead, kind),
        )

    def _decide(self, begun: Begun, event: LineEventData) -> None:
        waited_seconds = max((event.occurred_at - begun.said_at).total_seconds(), 0.0)
        is_served = event.type in _CALLS
        self.decided.append(Decided(begun.revision, event.occurred_at, waited_seconds, is_served))
        if begun.features is not None:
            self.memory.learn(begun.features, waited_seconds, served=is_served)


def _features(expected: Expected, ahead: int, kind: Kind) -> Features | None:
    return expected.features(ahead, kind) if expected.is_learned_from(ahead) else None


def stored_features(features: Features | None) -> str | None:
    """As JSON."""
    return None if features is None else orjson.dumps(asdict(features)).decode()


def read_features(text: str | None) -> Features | None:
    """`stored_features`, undone."""
    return None if text is None else Features(**orjson.loads(text))


def read_said(said: bytes) -> LineMemory:
    """What estimates are said from; it cannot learn. Nothing is known of what cannot be read: another release's."""
    try:
        return together(orjson.loads(said), None)
    except ValueError:
        return NOTHING_LEARNED


def read_pace(pace: bytes) -> Pace:
    """The pace of a line, as of the memory beside it."""
    try:
        return recalled(Pace, orjson.loads(pace))
    except ValueError:
        return Pace()
