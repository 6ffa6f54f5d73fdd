"""What a subscription offers so that it can be parked, and what it gets for it. Words only; decides nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from app.core.live.fanout.template import Template
from app.core.live.outlet import Outlet


@dataclass(slots=True)
class Seat:
    """Where a parked subscription's messages go: `before` + an item's payload as JSON + `after`, into the outlet."""

    outlet: Outlet
    before: bytes
    after: bytes
    resume: Callable[[], None]
    """Go on as before parking, by executing. Called at most once, must not raise; the subscription has left its seat
    already."""


class Parked(Protocol):
    """A subscription on its seat."""

    def cancel(self) -> None:
        """Leave for good; safe to call twice."""
        ...


class Parkable(Parked, Protocol):
    """What runs a subscription and may go on without its task, once its newest item is out."""

    revision: int
    """Of the last item; grows with each."""
    is_shared: bool
    """Whether it is `Gapped`, or its items are the same for all who ask with the same words and may see the same."""


class Values(Protocol):
    """Values by number; those that are dear are made when they are asked for."""

    def __getitem__(self, number: int, /) -> int | str | None: ...


class Gapped(Parkable, Protocol):
    """Its items are one object each, and those to come differ from the last one in some leaves only."""

    @property
    def gaps(self) -> Mapping[str, int]:
        """The fields whose values moves change: GraphQL name to the number of the value."""
        ...

    @property
    def row_fields(self) -> frozenset[str]:
        """The fields that moves leave alone. A field that is neither may be null, and then stays so until resumed."""
        ...

    @property
    def config_fields(self) -> Mapping[str, frozenset[str]]:
        """Fields that are objects, and which of their fields change seldom enough to be executed again then."""
        ...

    @property
    def values(self) -> "Values":
        """What the last item showed in the gaps."""
        ...

    def park(self, template: Template, seat: Seat, *, shows_config: bool) -> Parked | None:
        """Render moves from now on; None if something has happened that has to be executed first.

        `shows_config` says that the template has something of `config_fields`.
        """
        ...
