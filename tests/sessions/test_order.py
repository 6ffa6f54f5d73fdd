"""Order statistics against a sorted list: whoever enters and leaves, everybody's place is the list's."""

from bisect import bisect_left, insort
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.queues.disciplines import Rank
from app.sessions import order
from app.sessions.line import order_key
from app.sessions.order import Order


@pytest.fixture(params=[1, 3, 512])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Blocks so small that they are split all the time, and those of the product."""
    monkeypatch.setattr(order, "_BLOCK", request.param)
    return int(request.param)


def _members(members: Order) -> list[int]:
    return list(members)


@pytest.mark.parametrize("seed", range(3))
def test_tens_of_thousands_of_steps(block: int, seed: int) -> None:
    random, line, model = Random(seed), Order(), list[tuple[int, int]]()
    keys: dict[int, int] = {}
    steps = 20_000 if block == 512 else 4_000
    for id in range(steps):
        # Long enough that blocks fill up, then shrinking until some are empty.
        if random.random() < (0.7 if id < steps / 2 else 0.35) or not model:
            # Mostly behind everybody, as people come; the key tells who is who, so that no two have the same.
            key = (id + random.choice([0, 0, 0, 0, -5, -id, id])) * steps + id
            line.add(id, key, f"T{id}")
            insort(model, (key, id))
            keys[id] = key
        else:
            key, gone = model.pop(random.choice([0, 0, -1, random.randrange(len(model))]))
            line.discard(gone)
            del keys[gone]
            assert line.before(gone) is None
            assert gone not in line
        assert len(line) == len(model)
        if model:
            key, someone = random.choice(model)
            assert line.before(someone) == bisect_left(model, (key, someone))
            assert line.key(someone) == key
        if id % 500 == 0:
            assert _members(line) == [one for _, one in model]
            assert [line.before(one) for _, one in model] == list(range(len(model)))
    assert [one for one, _ in line.first(7)] == [one for _, one in model[:7]]
    assert [label for _, label in line.first(7)] == [f"T{one}" for _, one in model[:7]]
    for id in list(keys):
        line.discard(id)
    assert (len(line), _members(line), list(line.first(3))) == (0, [], [])
    line.add(1, 1, "again")
    assert line.before(1) == 0


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60), st.integers(0, 12))
def test_equal_keys_stand_in_the_order_of_coming(steps: list[tuple[int, bool]], stored: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "_BLOCK", 2)
        line = Order()
        model = [(number // 3, number) for number in range(stored)]
        line.extend([id for _, id in model], [key for key, _ in model], ["" for _ in model])
        for id, (key, leaves) in enumerate(steps, start=stored):
            if leaves and model:
                line.discard(model.pop((key * 7) % len(model))[1])
            else:
                line.add(id, key, "")
                model.append((key, id))
                model.sort(key=lambda member: member[0])
            assert _members(line) == [one for _, one in model]
            assert [line.before(one) for _, one in model] == list(range(len(model)))


def test_a_stored_line_is_taken_over_in_portions(block: int) -> None:
    line = Order()
    for start in (0, 700, 1_400):
        ids = range(start, start + 700)
        line.extend(ids, [id * 2 for id in ids], [str(id) for id in ids])
    assert _members(line) == list(range(2_100))
    assert [line.before(id) for id in (0, 699, 700, 2_099)] == [0, 699, 700, 2_099]
    line.add(9_999, 1_399, "between")
    assert (line.before(9_999), line.before(700)) == (700, 701)
    line.extend([], [], [])
    assert len(line) == 2_101


_NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ranks = st.builds(
    Rank,
    st.integers(-9, 0),
    st.datetimes(
        datetime(1900, 1, 1),  # noqa: DTZ001 (hypothesis adds the zone)
        datetime(2200, 1, 1),  # noqa: DTZ001
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]),
    ),
    st.integers(0, 2**63 - 1),
)
near = st.builds(
    Rank,
    st.integers(-1, 0),
    st.sampled_from([_NOON + timedelta(microseconds=number) for number in range(3)]),
    st.sampled_from([0, 1, 63, 64, 2**63 - 1]),
)


@example(Rank(0, _NOON, 2**63 - 1), Rank(0, _NOON + timedelta(microseconds=1), 0), 2**48 - 1, 0)
@example(Rank(-1, datetime.max.replace(tzinfo=UTC), 2**63 - 1), Rank(0, datetime.min.replace(tzinfo=UTC), 0), 1, 0)
@example(Rank(0, _NOON, 64), Rank(0, _NOON, 65), 2**48 - 1, 0)
@given(ranks | near, ranks | near, st.integers(0, 2**48 - 1), st.integers(0, 2**48 - 1))
def test_a_key_compares_as_its_rank(one: Rank, other: Rank, revision: int, later: int) -> None:
    first, second = order_key(*one, revision), order_key(*other, later)
    if one != other:
        assert (first < second) == (one < other)
    else:
        assert (first < second) == (revision < later)
    assert first & (2**48 - 1) == revision
