"""A line in memory: who waits in which order, who is at a counter, at one revision. Pure: fed events, asked places.

Applying an event costs a few microseconds however long the line is: O(log n) steps and one short move of pointers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.estimates.memory import LineMemory
from app.queues.disciplines import Rank
from app.queues.estimates import Outlook, WaitUnknown, outlook
from app.queues.events import LineState, QueueEventType, ReleaseLimits
from app.queues.models import QueueStatus
from app.sessions.events import SessionState
from app.sessions.models import SessionStatus
from app.sessions.order import Order
from app.sessions.waits.expected import Expected
from app.sessions.waits.observed import Observed

EMPTY_STATE = LineState(QueueStatus.ACTIVE, 0, 0, 0, 0, 0, None)

_TYPES: Mapping[str, QueueEventType] = {type.value: type for type in QueueEventType}
_QUEUE_STATUSES: Mapping[str, QueueStatus] = {status.value: status for status in QueueStatus}
_AT_COUNTERS = frozenset({SessionStatus.CALLED, SessionStatus.SERVING})
_YEAR_1 = datetime(1, 1, 1, tzinfo=UTC)
_TIME_BITS, _SEQUENCE_BITS, _REVISION_BITS = 59, 64, 48
_REVISION = (1 << _REVISION_BITS) - 1
_TIME = (1 << _TIME_BITS) - 1
_1970_SECONDS = (datetime(1970, 1, 1, tzinfo=UTC) - _YEAR_1).total_seconds()


class Entry(NamedTuple):
    """Somebody in line."""

    id: UUID
    ticket_number: str


# Not frozen: a frozen one takes five times as long to make.
@dataclass(slots=True)
class Place:
    """A place in line at a revision: 1-based position, people ahead, estimated wait in seconds or why it is unknown."""

    position: int | None
    ahead_count: int | None
    wait: int | WaitUnknown
    expected: Expected | None = field(default=None, compare=False, repr=False)
    """What the line's past adds to `wait`; of another process's line it may be a few seconds newer or older."""

    @property
    def estimated_wait_seconds(self) -> int | None:
        """None while it is unknown."""
        return self.wait if isinstance(self.wait, int) else None

    @property
    def estimated_wait_unknown(self) -> WaitUnknown | None:
        """Why; None if it is known."""
        return None if isinstance(self.wait, int) else self.wait


HIDDEN = Place(None, None, WaitUnknown.NOT_RELEASING)
"""The place of whoever is in line before the opening: there is one, and nobody may know it yet."""


class LineEventData:
    """An event of a queue's log, read back: at once what moves the line, the rest when somebody asks for it."""

    __slots__ = (
        "_line",
        "_session",
        "at_counter",
        "data",
        "label",
        "occurred_at",
        "order_key",
        "revision",
        "session_key",
        "type",
    )

    def __init__(self, revision: int, type: QueueEventType, occurred_at: datetime, data: Mapping[str, Any]) -> None:
        self.revision = revision
        self.type = type
        self.occurred_at = occurred_at
        self.data = data
        self._line: Mapping[str, Any] | LineState = data["line"]
        self._session: SessionState | None = None
        # `UUID.int` of the session it is about: hashed and compared in a tenth of a UUID's time.
        self.session_key: int | None = None
        # Where it puts the session in line, and under which ticket number; None if not in line.
        self.order_key: int | None = None
        self.label = ""
        # The session, if it is at a counter now. Read before it is applied, as the rest here: what cannot be read must
        # not leave a line half changed.
        self.at_counter: SessionState | None = None
        session = data.get("session")
        if session is None:
            return
        self.session_key = int(session["id"].replace("-", ""), 16)
        if type is QueueEventType.SESSION_TRANSFERRED_OUT:
            return
        status = session["status"]
        if status == "WAITING" and session["held_at"] is None:
            time = datetime.fromisoformat(session["rank_time"])
            self.order_key = order_key(session["rank_class"], time, session["rank_sequence"], revision)
            self.label = session["ticket_number"]
        elif status in _AT_COUNTERS:
            self._session = self.at_counter = _session_state(session)

    @property
    def line(self) -> LineState:
        """The line's counts after it."""
        if not isinstance(self._line, LineState):
            self._line = _line_state(self._line)
        return self._line

    @property
    def session(self) -> SessionState | None:
        """The session it is about, after it; None if it is about none."""
        if self._session is None and self.session_key is not None:
            self._session = _session_state(self.data["session"])
        return self._session


def read_event(revision: int, type: str, occurred_at: datetime, data: Mapping[str, Any]) -> LineEventData:
    """An event from its stored form. `KeyError`, `TypeError` or `ValueError` if it cannot be understood."""
    return LineEventData(revision, _TYPES[type], occurred_at, data)


def order_key(rank_class: int, rank_time: datetime, sequence: int, revision: int) -> int:
    """A rank as one number, the lower the sooner, with the revision it was given at in its lowest bits.

    One integer is compared in a tenth of the time of a tuple with a datetime, and takes a fifth of its memory.
    """
    since = rank_time - _YEAR_1
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    place = (rank_class << _TIME_BITS) + microseconds
    return (((place << _SEQUENCE_BITS) + sequence) << _REVISION_BITS) + revision


def _rank_time(key: int) -> float:
    """The effective join time in an order key, in seconds since 1970."""
    return ((key >> (_SEQUENCE_BITS + _REVISION_BITS)) & _TIME) / 1e6 - _1970_SECONDS


class Line:
    """The ordered waiting sessions of one queue and its counts, as of `revision`."""

    def __init__(
        self, revision: int = 0, state: LineState = EMPTY_STATE, at_counters: Iterable[SessionState] = ()
    ) -> None:
        """A line with nobody waiting; a stored one is filled with `extend` before it is used."""
        self.revision = revision
        self._state: LineState | LineEventData = state
        self.observed = Observed()
        self._outlook: tuple[LineState, Outlook] | None = None
        self._expected: Expected | None = None
        self._order = Order()
        self._at_counters: dict[int, SessionState] = {session.id.int: session for session in at_counters}

    def __len__(self) -> int:
        return len(self._order)

    @property
    def state(self) -> LineState:
        """The line's counts."""
        return self._state.line if isinstance(self._state, LineEventData) else self._state

    @property
    def outlook(self) -> Outlook:
        """What those in line can expect; made once per state."""
        state = self.state
        if self._outlook is None or self._outlook[0] is not state:
            self._outlook = state, outlook(state)
        return self._outlook[1]

    @property
    def expected(self) -> Expected:
        """P50 and P90 of those in line; made once per state."""
        if self._expected is None:
            head = self._order.head()
            since = None if head is None else (head[0], _rank_time(head[1]))
            self._expected = self.observed.expected(self.state, self.outlook, since)
        return self._expected

    def learned(self, observed: Observed) -> None:
        """From now on what people can expect is what these observations say."""
        self.observed, self._expected = observed, None

    def take_up(self, memory: LineMemory, revision: int) -> None:
        """What was learned of waits until a revision: said from the next state on, as this one's was made already."""
        self.observed.memory, self.observed.memory_revision = memory, revision

    def extend(self, waiting: Sequence[tuple[UUID, str, Rank]]) -> None:
        """Add stored sessions, in order, behind those that are there."""
        self._order.extend(
            [id.int for id, _, _ in waiting],
            [order_key(*rank, self.revision) for _, _, rank in waiting],
            [ticket_number for _, ticket_number, _ in waiting],
        )

    def apply(self, event: LineEventData) -> None:
        """Move to the next revision. `ValueError` if the event is not the next one."""
        if event.revision != self.revision + 1:
            raise ValueError(f"revision {event.revision} does not follow {self.revision}")
        self.revision = event.revision
        self._state, self._expected = event, None
        id, is_in_line = event.session_key, event.order_key is not None
        was_in_line = id is not None and self._order.discard(id)
        self.observed.applied(
            event.type,
            event.occurred_at,
            id,
            event.data.get("session"),
            was_in_line=was_in_line,
            is_in_line=is_in_line,
        )
        if id is None:
            return
        self._at_counters.pop(id, None)
        if event.order_key is not None:
            self._order.add(id, event.order_key, event.label)
        elif event.at_counter is not None:
            self._at_counters[id] = event.at_counter

    def pass_over(self, event: LineEventData) -> None:
        """Move to a later revision with the counts alone: for who cannot know any more who stands where."""
        self.revision = event.revision
        self._state, self._expected = event, None
        self.observed.passed(event.type, event.occurred_at, event.data.get("session"))

    @property
    def is_hidden(self) -> bool:
        """Whether nobody may know the order: in a pre-queue it is that of the lots, and the lots are drawn blind."""
        return self.state.status is QueueStatus.PREQUEUE

    def place(self, session_id: UUID) -> Place | None:
        """Where somebody stands; None for whoever is not in line (on hold, called, gone, unknown)."""
        ahead_count = self._order.before(session_id.int)
        return None if ahead_count is None else self.place_at(ahead_count)

    def ahead_count(self, session_key: int) -> int | None:
        """How many are before a session, given by `UUID.int`; None if it is not in line. About a microsecond."""
        return self._order.before(session_key)

    def keys(self) -> list[int]:
        """The order keys of everybody in line, first to last."""
        return [key for id in self._order if (key := self._order.key(id)) is not None]

    def restore(self, ids: Sequence[int], keys: Sequence[int]) -> None:
        """Fill an empty line with what `in_order` and `keys` gave; ticket numbers are not kept."""
        self._order.extend(ids, keys, [""] * len(ids))

    def in_order(self) -> list[int]:
        """Everybody in line, first to last, as `UUID.int`: what a walk goes through, whatever happens meanwhile."""
        return list(self._order)

    def changed_at(self, session_id: UUID) -> int | None:
        """The revision of the last event about somebody in line, or of the loading; None for whoever is not."""
        key = self._order.key(session_id.int)
        return None if key is None else key & _REVISION

    def place_at(self, ahead_count: int) -> Place:
        """The place with so many people ahead; `HIDDEN` before the opening."""
        if self.is_hidden:
            return HIDDEN
        return Place(ahead_count + 1, ahead_count, self.outlook.wait(ahead_count), self.expected)

    def head(self, count: int) -> list[Entry]:
        """The next `count` people; nobody before the opening."""
        if self.is_hidden:
            return []
        return [Entry(UUID(int=id), ticket_number) for id, ticket_number in self._order.first(count)]

    def at_counters(self) -> list[SessionState]:
        """Called and served sessions, latest call first."""
        return sorted(self._at_counters.values(), key=_called_at, reverse=True)


def _called_at(session: SessionState) -> tuple[datetime, UUID]:
    assert session.called_at is not None  # whoever is at a counter was called
    return session.called_at, session.id


def _line_state(data: Mapping[str, Any]) -> LineState:
    limits = data.get("limits")  # events from before there were METERED queues have none
    return LineState(
        status=_QUEUE_STATUSES[data["status"]],
        waiting_count=data["waiting_count"],
        held_count=data["held_count"],
        called_count=data["called_count"],
        serving_count=data["serving_count"],
        open_counter_count=data["open_counter_count"],
        service_seconds_mean=data["service_seconds_mean"],
        limits=None if limits is None else ReleaseLimits(**limits),
    )


def _session_state(data: Mapping[str, Any]) -> SessionState:
    return SessionState(
        id=UUID(data["id"]),
        ticket_number=data["ticket_number"],
        status=SessionStatus(data["status"]),
        priority=data["priority"],
        party_size=data["party_size"],
        rank_class=data["rank_class"],
        rank_time=datetime.fromisoformat(data["rank_time"]),
        rank_sequence=data["rank_sequence"],
        held_at=_time(data["held_at"]),
        joined_at=datetime.fromisoformat(data["joined_at"]),
        called_at=_time(data["called_at"]),
        started_at=_time(data["started_at"]),
        completed_at=_time(data["completed_at"]),
        cancelled_at=_time(data["cancelled_at"]),
        cancelled_by=data["cancelled_by"],
        ended_at=_time(data["ended_at"]),
        call_count=data["call_count"],
        counter_id=_id(data["counter_id"]),
        counter_name=data["counter_name"],
        served_by=_id(data["served_by"]),
        # Older events know nothing of admissions.
        expires_at=_time(data.get("expires_at")),
        admission_number=data.get("admission_number", 0),
        renewed_at=_time(data.get("renewed_at")),
        category_id=_id(data.get("category_id")),
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
