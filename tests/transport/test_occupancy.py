"""How many sockets and streams may be whose: of one address, one caller, one tenant; what is over is free again."""

from uuid import uuid4

import pytest

from app.api.occupancy import MostSockets, NoRoom, Occupancy
from app.api.sockets import Sockets
from app.core.actor import ANONYMOUS, Actor, ActorKind
from app.core.limits.exempt import THIS_MACHINE, Networks
from tests.support.sse_client import sse
from tests.support.ws_client import Closed, raw_socket, ws_client
from tests.transport.toy import TENANT, Toy, toy_app

LASTING = "subscription { count(to: 1, thenWait: true) }"


def actor() -> Actor:
    return Actor(ActorKind.USER, tenant_id=TENANT, id=uuid4())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("not an address", "not an address", True),
        (None, None, False),
    ],
)
def test_what_counts_as_one_address(one: str | None, other: str | None, same: bool) -> None:
    occupancy = Occupancy(MostSockets(of_address=1))
    occupancy.take_place(occupancy.place_of(one))
    if same:
        with pytest.raises(NoRoom):
            occupancy.take_place(occupancy.place_of(other))
    else:
        occupancy.take_place(occupancy.place_of(other))


def test_who_is_exempt_is_not_counted() -> None:
    occupancy = Occupancy(MostSockets(of_address=1, exempt=Networks(THIS_MACHINE)))
    assert occupancy.place_of("127.0.0.9") is None
    assert occupancy.place_of("192.0.2.1") == "192.0.2.1"


def test_nothing_is_remembered_of_who_is_gone_or_was_refused() -> None:
    occupancy = Occupancy(MostSockets(of_address=2, of_caller=2, of_tenant=3))
    people = [actor(), actor()]
    for person in (people[0], people[0], people[1]):
        occupancy.take_seat(person)
    for person in (people[0], people[1]):  # one has enough, of the other the tenant has
        with pytest.raises(NoRoom):
            occupancy.take_seat(person)
    for person in (people[0], people[0], people[1]):
        occupancy.give_seat(person)
    occupancy.take_seat(ANONYMOUS)
    occupancy.give_seat(ANONYMOUS)
    assert not occupancy._taken


async def test_an_address_has_so_many_sockets_and_streams_together() -> None:
    sockets = Sockets(most=MostSockets(of_address=2))
    app = toy_app(sockets=sockets)
    async with ws_client(app), sse(app, LASTING) as stream:
        await stream.item()
        async with raw_socket(app) as third:
            closed = await third.closed()
            assert (closed.code, closed.reason) == (
                1013,
                "This address has 2 connections already; close some first",
            )
        async with sse(app, LASTING) as refused:
            assert await refused.status == 503
    async with ws_client(app), ws_client(app):
        assert sockets.count == 2
    assert not sockets._occupancy._taken


@pytest.mark.parametrize(
    ("most", "who"), [(MostSockets(of_caller=1), "You have 1"), (MostSockets(of_tenant=1), "This business has 1")]
)
async def test_so_has_a_caller_and_so_has_a_tenant(the_toy: Toy, most: MostSockets, who: str) -> None:
    the_toy.actor("mine")
    the_toy.actor("yours", tenant_id=uuid4())
    sockets = Sockets(most=most)
    app = toy_app(sockets=sockets)
    async with ws_client(app, "mine") as first:
        with pytest.raises(Closed) as refused:
            async with ws_client(app, "mine"):
                pass
        assert refused.value.code == 1013
        assert refused.value.reason.startswith(who)
        async with sse(app, LASTING, headers={"authorization": "Bearer mine"}) as stream:
            assert await stream.status == 503
        async with ws_client(app, "yours"), ws_client(app):  # another tenant's, and a stranger's
            assert sockets.count == 3
        assert await (await first.subscribe("{ hello }")).item() == "hello world"
    async with ws_client(app, "mine"):
        assert sockets.count == 1
    assert not sockets._occupancy._taken
