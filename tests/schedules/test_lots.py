"""Lots as pure functions: stable, spread evenly, and nothing without the seed."""

from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from app.queues.lottery import SEED_BYTES, drawn, lot_of, new_seed, seed_hash

SEED = bytes(range(32))


def test_a_known_lot() -> None:
    digest = sha256(SEED + b"U2Vzc2lvbjo").digest()
    assert lot_of(SEED, "U2Vzc2lvbjo") == int(f"{int.from_bytes(digest, 'big'):0256b}"[:63], 2)
    assert seed_hash(SEED) == sha256(SEED).hexdigest()


def test_seeds_are_long_and_never_the_same() -> None:
    seeds = {new_seed() for _ in range(100)}
    assert len(seeds) == 100
    assert {len(seed) for seed in seeds} == {SEED_BYTES}


def test_lots_fit_the_column_and_fall_evenly() -> None:
    lots = [lot_of(SEED, f"session-{number}") for number in range(16_000)]
    assert len(set(lots)) == len(lots)
    assert 0 <= min(lots) < max(lots) < 2**63
    in_sixteenths = Counter(lot >> 59 for lot in lots)
    # 1,000 each; five standard deviations of a fair draw.
    assert all(abs(count - 1_000) < 155 for count in in_sixteenths.values()), in_sixteenths


@given(
    people=st.dictionaries(st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True), st.integers(0, 3), max_size=20),
    late=st.integers(0, 20),
)
def test_who_came_when_and_who_left_changes_nothing_for_the_others(people: dict[str, int], late: int) -> None:
    order = drawn(SEED, people.items())
    assert sorted(order) == sorted(people)
    assert drawn(SEED, reversed(list(people.items()))) == order
    stayed = dict(list(people.items())[late:])
    assert drawn(SEED, stayed.items()) == [id for id in order if id in stayed]
    assert [people[id] for id in order] == sorted(people.values(), reverse=True), "precedence before lots"
