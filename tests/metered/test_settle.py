"""What happens in a metered line by itself: under a clock that stands still until it is moved."""

from datetime import timedelta

from tests.metered.world import World


async def test_who_comes_to_free_places_is_let_straight_in(world: World) -> None:
    first = await world.join()
    assert (first.status, first.call_count, first.admission_number) == ("CALLED", 1, 1)
    assert first.called_at is not None
    assert first.expires_at == first.called_at + timedelta(seconds=60)
    stored = await world.stored()
    assert [event.type for event in stored.events] == ["QUEUE_CREATED", "SESSION_JOINED", "SESSION_RELEASED"]
    assert (stored.line.waiting_count, stored.line.called_count, stored.line.release_count) == (0, 1, 1)
