"""What people in a line can expect at one of its states: P50 and P90 for any place and kind of visitor. Pure.

Made once per state; predictors are asked at some places only, and what lies between is interpolated. Never changes.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple

from app.estimates.memory import LineMemory
from app.estimates.pace import LastWait
from app.estimates.values import Features, Reason
from app.queues.estimates import Outlook, WaitUnknown
from app.queues.events import LineState
from app.queues.models import QueueStatus


class Kind(NamedTuple):
    """What of a visitor an estimate depends on, besides the place."""

    category: str = ""
    credit_seconds: float = 0.0


ANYBODY = Kind()
"""Who joins without a priority, for nothing in particular."""


class Quantiles(NamedTuple):
    """Whole seconds. Hidden: null, and `reason` says why; wide: `reason` says why as well."""

    p50_seconds: int | None
    p90_seconds: int | None
    reason: Reason | None


_CALLING = frozenset({QueueStatus.ACTIVE, QueueStatus.CLOSED})
_UNKNOWN = {
    WaitUnknown.NOBODY_SERVED: Reason.NOT_OBSERVED,
    WaitUnknown.NO_OPEN_COUNTER: Reason.NOBODY_ON_DUTY,
    WaitUnknown.NOT_RELEASING: Reason.NOT_RELEASING,
}
PACED = "PACED"
"""The predictor of metered lines, by name; the others' names are `Selector`'s."""
_HIDDEN = {reason: Quantiles(None, None, reason) for reason in Reason}


def _places() -> list[int]:
    # Each of the first, where every step counts; from there on each a sixth further: the error between is below 1 %.
    places = list(range(17))
    while places[-1] < 2_000_000:
        places.append(places[-1] * 7 // 6)
    return places


ASKED = _places()
"""How many people are ahead where predictors are asked."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a line shows at one of its states. Times are seconds since 1970."""

    at: float
    state: LineState
    outlook: Outlook
    zone: tzinfo
    head_wait_seconds: float
    last: LastWait | None
    last_by_category: Mapping[str, LastWait]
    starts_per_second: float
    waiting_by_category: Mapping[str, int]


class Expected:
    """The waits of a whole line at one of its states, by what it has learned until then."""

    __slots__ = ("_hidden", "_hour", "_memory", "_said", "_seen", "_stretches", "_voices")

    def __init__(self, seen: Seen, memory: LineMemory) -> None:
        """`memory` is what the line had learned when this state was reached; it is not changed."""
        self._seen = seen
        self._memory = memory
        self._hidden = _hidden(seen.state)
        self._hour: float | None = None
        self._voices: dict[Kind, str | Quantiles] = {}
        self._stretches: dict[Kind, _Stretch] = {}
        self._said: dict[tuple[Kind, int], tuple[float, float, Reason | None]] = {}

    def of(self, ahead: int, kind: Kind) -> Quantiles:
        """Of somebody in line with so many ahead."""
        if self._hidden is not None:
            return self._hidden
        if self._seen.state.limits is not None:
            return self._paced(ahead)
        voice = self._voices.get(kind)
        if voice is None:
            voice = self._voices[kind] = self._voice(kind)
        if isinstance(voice, Quantiles):
            return voice
        stretch = self._stretches.get(kind)
        if stretch is None or not stretch.begin <= ahead < stretch.end:
            # Whoever is shown something next stands next: one look-up serves a stretch of the line.
            stretch = self._stretches[kind] = self._stretch(kind, ahead, voice)
        _, _, p50, p50_step, p90, p90_step, reason = stretch
        return Quantiles(int(p50 + p50_step * ahead), int(p90 + p90_step * ahead), reason)

    def of_next(self, kind: Kind) -> Quantiles:
        """Of somebody who joins now, behind everybody."""
        return self.of(self._seen.state.waiting_count, kind)

    def predictor(self, kind: Kind) -> str | None:
        """Whose estimates these are; None where there are none."""
        if self._hidden is not None:
            return None
        if self._seen.state.limits is not None:
            return PACED
        voice = self._voice(kind)
        return voice if isinstance(voice, str) else None

    def texts(self, ahead: int, kind: Kind) -> tuple[bytes, bytes, bytes]:
        """`of` as JSON: P50, P90, reason."""
        p50, p90, reason = self.of(ahead, kind)
        return (
            b"null" if p50 is None else b"%d" % p50,
            b"null" if p90 is None else b"%d" % p90,
            _REASONS[reason],
        )

    def features(self, ahead: int, kind: Kind) -> Features:
        """What predictors are shown of a place."""
        seen = self._seen
        last_alike = seen.last_by_category.get(kind.category)
        paced = None
        if seen.state.limits is not None:
            wait = seen.outlook.wait(ahead)
            paced = float(wait) if isinstance(wait, int) else None
        return Features(
            ahead=ahead,
            ahead_alike=ahead * self._share(kind.category),
            on_duty=seen.state.open_counter_count,
            service_seconds=seen.state.service_seconds_mean,
            starts_per_second=seen.starts_per_second,
            last_wait_seconds=seen.last.waited_seconds if seen.last else None,
            last_wait_age_seconds=max(seen.at - seen.last.at, 0.0) if seen.last else 0.0,
            last_wait_alike_seconds=last_alike.waited_seconds if last_alike else None,
            head_wait_seconds=seen.head_wait_seconds if ahead else 0.0,
            credit_seconds=kind.credit_seconds,
            local_hour=self._local_hour(),
            category=kind.category,
            paced_seconds=paced,
        )

    def is_learned_from(self, ahead: int) -> bool:
        """Whether a wait that begins here tells of others: not while nobody is called, for however long."""
        state = self._seen.state
        if state.limits is not None:
            return isinstance(self._seen.outlook.wait(ahead), int)
        return state.status in _CALLING and state.open_counter_count > 0

    def _voice(self, kind: Kind) -> str | Quantiles:
        selector, features = self._memory.selector, self.features(0, kind)
        return selector.chosen(features) or _HIDDEN[selector.hidden_because(features) or Reason.NO_OUTCOMES]

    def _paced(self, ahead: int) -> Quantiles:
        wait = self._seen.outlook.wait(ahead)
        if isinstance(wait, WaitUnknown):
            return _HIDDEN[_UNKNOWN[wait]]
        estimate = self._memory.paced.around(wait)
        return Quantiles(round(estimate.p50_seconds), round(estimate.p90_seconds), estimate.reason)

    def _stretch(self, kind: Kind, ahead: int, voice: str) -> "_Stretch":
        number = bisect_right(ASKED, ahead) - 1
        begin, end = ASKED[number], ASKED[number + 1]
        p50, p90, reason = self._at(kind, begin, voice)
        p50_step = p90_step = 0.0
        if end > begin + 1:
            p50_end, p90_end, _ = self._at(kind, end, voice)
            p50_step, p90_step = (p50_end - p50) / (end - begin), (p90_end - p90) / (end - begin)
        # A half, so that cutting off rounds.
        return _Stretch(
            begin, end, p50 - p50_step * begin + 0.5, p50_step, p90 - p90_step * begin + 0.5, p90_step, reason
        )

    def _at(self, kind: Kind, ahead: int, voice: str) -> tuple[float, float, Reason | None]:
        said = self._said.get((kind, ahead))
        if said is None:
            estimate = self._memory.selector.predictors[voice].predict(self.features(ahead, kind))
            assert estimate is not None  # what hides a predictor's estimate does not depend on the place
            said = self._said[kind, ahead] = estimate.p50_seconds, estimate.p90_seconds, estimate.reason
        return said

    def _share(self, category: str) -> float:
        # Whoever asks is counted too, and not ahead of oneself.
        others = self._seen.state.waiting_count - 1
        alike = self._seen.waiting_by_category.get(category, 0) - 1
        return min(max(alike / others, 0.0), 1.0) if others > 0 else 0.0

    def _local_hour(self) -> float:
        if self._hour is None:
            local = datetime.fromtimestamp(self._seen.at, self._seen.zone)
            self._hour = local.hour + local.minute / 60 + local.second / 3_600
        return self._hour


class _Stretch(NamedTuple):
    """Places from `begin` to before `end`: P50 and P90 are straight there, as a value at 0 and a step by place."""

    begin: int
    end: int
    p50: float
    p50_step: float
    p90: float
    p90_step: float
    reason: Reason | None


_REASONS = {reason: b'"%b"' % reason.encode() for reason in Reason} | {None: b"null"}


def _hidden(state: LineState) -> Quantiles | None:
    """What everybody is shown, if everybody is shown the same nothing."""
    if state.status not in _CALLING:
        return _HIDDEN[Reason.NOT_RELEASING]
    if state.limits is None and state.open_counter_count < 1:
        return _HIDDEN[Reason.NOBODY_ON_DUTY]
    return None
