"""Learning from a log without a database: the same however it is cut, only from what has ended, at the right place."""

from datetime import UTC, timedelta
from random import Random
from uuid import UUID

import orjson
import pytest

from app.estimates.memory import apart, remembered
from app.queues.events import ReleaseLimits
from app.sessions.line import Line, LineEventData
from app.sessions.waits import fold
from app.sessions.waits.expected import ANYBODY, PACED, Kind, Quantiles, Reason
from app.sessions.waits.fold import Begun, Decided, Learner, Sample, Stored
from tests.waits.logs import CATEGORIES, Log, again, day


def learned(events: list[LineEventData], cuts: list[int]) -> tuple[Learner, dict[int, Sample], list[Decided]]:
    """What is known after a log that came in portions, each by a worker that knows only what is stored."""
    stored, revision, begun = Stored(), 0, dict[int, Begun]()
    samples: dict[int, Sample] = {}
    decided: list[Decided] = []
    for start, end in zip([0, *cuts], [*cuts, len(events)], strict=True):
        learner = Learner.at_rest(revision, stored, UTC)
        learner.learn(again(events[start:end]), begun)
        samples |= learner.samples
        decided += learner.decided
        stored, revision = learner.rest(), learner.line.revision
    return Learner.at_rest(revision, stored, UTC), samples, decided


def told(learner: Learner) -> bytes:
    """All it knows, as text."""
    said, learning = apart(learner.memory)
    line = learner.line.in_order(), [f"{key:x}" for key in learner.line.keys()]  # noqa: SIM118 (no mapping)
    observed = learner.line.observed
    pace = remembered(observed.pace), observed.waiting_by_category, {str(id): at for id, at in observed.entered.items()}
    return orjson.dumps([said, learning, [str(id) for id in line[0]], line[1], *pace], option=orjson.OPT_SORT_KEYS)


@pytest.mark.parametrize("seed", range(4))
def test_however_the_log_is_cut_the_same_is_learned(seed: int) -> None:
    events = day(seed, 900)
    whole, samples, decided = learned(events, [])
    cuts = sorted(Random(seed).sample(range(1, 900), 12))
    cut, samples_cut, decided_cut = learned(events, cuts)
    assert told(cut) == told(whole)
    assert decided_cut == decided
    for revision, one in samples.items():
        other = samples_cut[revision]
        assert (other.ahead_count, other.features, other.said_at) == (one.ahead_count, one.features, one.said_at)
    assert samples.keys() == samples_cut.keys()
    assert len(decided) > 250
    measured = whole.memory.selector.measured
    assert measured["MOVING_QUANTILES"].outcomes > 100


def test_a_wait_is_from_the_join_to_the_call_and_nobody_else_teaches() -> None:
    log = Log()
    log.serve(100.0)
    called, gone, stepping, waiting = (log.join() for _ in range(4))
    log.now += timedelta(seconds=70)
    log.call(called)
    log.now += timedelta(seconds=5)
    log.leave(gone)
    log.step_back(stepping)
    log.now += timedelta(seconds=5)
    log.transfer_in()
    log.now += timedelta(seconds=30)
    log.call(len(log.sessions))
    learner, samples, decided = learned(log.events, [3, 6])
    truth = {samples[one.revision].session_id: (one.waited_seconds, one.is_served) for one in decided}
    # Who had joined elsewhere waits here since the transfer.
    assert truth == {
        UUID(int=called): (70.0, True),
        UUID(int=gone): (75.0, False),
        UUID(int=stepping): (75.0, False),
        UUID(int=5): (30.0, True),
    }
    assert UUID(int=waiting) in {one.session_id for one in samples.values()}
    ends = learner.memory.selector.staying.ends
    assert (sum(ends.served), sum(ends.left)) == (2, 2)
    assert learner.memory.selector.predictors["QUEUE_LENGTH"].high.seen == 2  # type: ignore[union-attr]
    last = learner.line.observed.pace.last
    assert last is not None
    assert last.waited_seconds == 30.0


def test_places_are_those_of_the_line_s_own_order() -> None:
    log = Log()
    log.serve(100.0)
    for _ in range(3):
        log.join()
        log.now += timedelta(seconds=20)
    favoured = log.join(credit_seconds=50.0, category=CATEGORIES[1])
    _, samples, _ = learned(log.events, [2])
    sample = next(one for one in samples.values() if one.session_id == UUID(int=favoured))
    assert (sample.ahead_count, sample.weight) == (1, 1)
    assert sample.features is not None
    # The first has waited for a minute, and the one who was preferred has 50 s of credit.
    assert (sample.features.head_wait_seconds, sample.features.credit_seconds) == (60.0, 50.0)
    assert (sample.features.category, sample.features.ahead_alike) == (CATEGORIES[1], 0.0)
    first = min(samples.values(), key=lambda one: one.revision)
    assert first.features is not None
    assert (first.ahead_count, first.features.head_wait_seconds) == (0, 0.0)


def test_nothing_is_learned_of_waits_that_began_while_nobody_was_on_duty() -> None:
    log = Log(counters=0)
    log.serve(100.0)
    log.join()
    log.counters = 2
    log.now += timedelta(hours=9)
    log.call()
    learner, samples, decided = learned(log.events, [])
    (sample,) = samples.values()
    assert (sample.features, sample.quantiles) == (None, Quantiles(None, None, Reason.NOBODY_ON_DUTY))
    assert [one.waited_seconds for one in decided] == [9 * 3_600.0]
    assert learner.memory.selector.staying.ends.counted == 0


def test_a_log_whose_beginning_is_gone_is_learned_from_by_its_counts() -> None:
    events = day(1, 400)[150:]
    learner = Learner.at_rest(150, Stored(), UTC)
    assert not learner.is_order_known
    learner.learn(again(events), {})
    for sample in learner.samples.values():
        if not learner.is_order_known:
            assert sample.ahead_count == max(events[sample.revision - 151].line.waiting_count - 1, 0)
    assert learner.line.revision == events[-1].revision
    assert learner.decided


def test_of_a_very_long_line_the_order_is_not_kept_and_one_of_many_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fold, "MOST_KEPT", 60)
    monkeypatch.setattr(fold, "THINNED_FROM", 20)
    log = Log(limits=ReleaseLimits(rate_per_minute=60, max_concurrent_users=None))
    for _ in range(100):
        log.join()
    learner, samples, _ = learned(log.events, [70])
    assert (learner.is_order_known, len(learner.line)) == (False, 0)
    weights = [(one.ahead_count, one.weight) for one in samples.values()]
    # From 40 on every second, from 60 on every third, from 80 on every fourth, the hundredth one of five.
    assert {weight for _, weight in weights} == {1, 2, 3, 4, 5}
    assert len(samples) == 39 + 10 + 7 + 5 + 1
    while log.waiting:
        log.now += timedelta(seconds=1)
        log.call()
    log.join()
    learner, _, decided = learned(log.events, [70, 150])
    assert learner.is_order_known
    assert len(learner.line) == 1
    assert {one.is_served for one in decided} == {True}
    assert learner.memory.paced.high.seen == len(decided) == 62


def test_a_metered_line_says_rate_and_cap_from_the_first_visitor_on() -> None:
    log = Log(limits=ReleaseLimits(rate_per_minute=30, max_concurrent_users=None), counters=0)
    for _ in range(10):
        log.join()
    line = Line()
    for event in again(log.events):
        line.apply(event)
    assert line.expected.of(9, ANYBODY) == Quantiles(18, 23, Reason.FEW_OUTCOMES)
    assert line.expected.predictor(ANYBODY) == PACED
    log.limits = ReleaseLimits(rate_per_minute=0, max_concurrent_users=None)
    log.join()
    line.apply(again(log.events)[-1])
    assert line.expected.of(9, ANYBODY) == Quantiles(None, None, Reason.NOT_RELEASING)


def test_estimates_are_the_predictor_s_at_asked_places_and_lie_between_elsewhere() -> None:
    events = day(3, 1_200, counters=2)
    learner, _, _ = learned(events, [])
    line = Line()
    line.observed.memory = learner.memory
    for event in again(events):
        line.apply(event)
    expected, selector = line.expected, learner.memory.selector
    for kind in (ANYBODY, Kind(CATEGORIES[1] or "", 90.0)):
        for ahead in (0, 3, 16, 18, 49):
            features = expected.features(ahead, kind)
            said = selector.predict(features)
            assert said is not None
            shown = expected.of(ahead, kind)
            assert shown.p50_seconds is not None
            assert shown.p90_seconds is not None
            assert shown.p50_seconds <= shown.p90_seconds
            assert abs(shown.p50_seconds - said.p50_seconds) <= 1 + said.p50_seconds * 0.01
            assert abs(shown.p90_seconds - said.p90_seconds) <= 1 + said.p90_seconds * 0.01
            assert expected.texts(ahead, kind) == (
                b"%d" % shown.p50_seconds,
                b"%d" % shown.p90_seconds,
                b"null" if shown.reason is None else b'"%b"' % shown.reason.encode(),
            )
