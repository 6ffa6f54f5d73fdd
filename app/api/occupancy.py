"""How many sockets and streams of one process may be whose: of one address, one caller, one tenant.

Counts what is open here; how often somebody comes is the rate limits' business.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field

from app.core.actor import Actor
from app.core.addresses import network_of
from app.core.limits.exempt import Networks


@dataclass(frozen=True, slots=True)
class MostSockets:
    """What one process keeps open; 0 is no bound."""

    in_all: int = 20_000
    of_address: int = 0
    of_caller: int = 0
    of_tenant: int = 0
    exempt: Networks = field(default_factory=lambda: Networks(()))
    """Networks whose addresses are not counted, as an office's, or this machine in a benchmark."""


class NoRoom(Exception):
    """Somebody has as many as may be; the message says who."""


class Occupancy:
    """Who has how many. What was taken has to be given back, once."""

    def __init__(self, most: MostSockets) -> None:
        self.most = most
        self._taken: Counter[Hashable] = Counter()

    def place_of(self, address: str | None) -> str | None:
        """What an address counts as; None if it is not counted."""
        if not self.most.of_address or address is None or address in self.most.exempt:
            return None
        # Text that is no address is a unix socket's, or a test's: one place.
        return network_of(address) or address

    def take_place(self, place: str | None) -> None:
        """One more from an address. `NoRoom` if it has enough."""
        if place is not None:
            self._take(place, self.most.of_address, "This address")

    def take_seat(self, actor: Actor) -> None:
        """One more of somebody who is signed in, and of the tenant. `NoRoom` if either has enough."""
        if actor.tenant_id is None:
            return
        caller = actor.kind, actor.id
        self._take(caller, self.most.of_caller, "You")
        try:
            self._take(actor.tenant_id, self.most.of_tenant, "This business")
        except NoRoom:
            self._give(caller)
            raise

    def give_place(self, place: str | None) -> None:
        """One fewer from an address."""
        if place is not None:
            self._give(place)

    def give_seat(self, actor: Actor) -> None:
        """One fewer of somebody who took a seat."""
        if actor.tenant_id is not None:
            self._give((actor.kind, actor.id))
            self._give(actor.tenant_id)

    def _take(self, whose: Hashable, most: int, who: str) -> None:
        if most and self._taken[whose] >= most:
            has = "have" if who == "You" else "has"
            raise NoRoom(f"{who} {has} {most} connections already; close some first")
        self._taken[whose] += 1

    def _give(self, whose: Hashable) -> None:
        self._taken[whose] -= 1
        if self._taken[whose] <= 0:
            del self._taken[whose]
