"""A plug-in for a shop that keeps its customers in a card index: a CRM, a channel and a reaction. It is a sample.

It uses nothing but `app.plugins.api`.
"""

import os
from pathlib import Path

from app.plugins.api import (
    Accepted,
    Crm,
    Customer,
    Fact,
    Field,
    JobContext,
    Message,
    NotificationChannel,
    Outcome,
    Person,
    Provider,
    Registry,
    Settings,
    TryLater,
    Visit,
    job,
)


class Nothing(Settings):
    """It has no credentials."""


class Drawer(Settings):
    """Where the cards are: `<address>.card`, the name in the first line."""

    folder: str


class CardIndex(Crm[Drawer, Nothing]):
    """Customers on cards."""

    name, title = "CARD_INDEX", "Card index"
    Options, Credentials = Drawer, Nothing

    async def check(self) -> str:
        return f"There are {len(_cards(self.options.folder))} cards."

    async def find(self, person: Person) -> Customer | None:
        card = Path(self.options.folder) / f"{Path(person.email or '').name}.card"
        if not person.email or not card.exists():
            return None
        name, *lines = card.read_text().splitlines()
        return Customer(id=card.name, name=name, fields=[Field("visits", str(len(lines)))])

    async def update(self, customer_id: str, visit: Visit) -> None:
        card, line = Path(self.options.folder) / customer_id, f"{visit['ticketNumber']} {visit['status']}"
        if line not in card.read_text().splitlines():
            card.write_text(f"{card.read_text()}{line}\n")


class Bell(Provider[Drawer, Nothing]):
    """Messages on slips of paper, one for each key: repeating one does no harm."""

    name, title = "BELL", "A bell, and slips of paper"
    channels = frozenset({NotificationChannel.CHAT})
    Options, Credentials = Drawer, Nothing
    repeats_safely = True

    async def send(self, message: Message) -> Outcome:
        slip = Path(self.options.folder) / f"{message.key}.slip"
        try:
            slip.write_text(message.body)
        except OSError:
            return TryLater("The drawer does not open.", is_ours=True)
        return Accepted(slip.name)


def _cards(folder: str) -> list[Path]:
    return list(Path(folder).glob("*.card"))


@job("card-index.tally")
async def tally(context: JobContext) -> None:
    """SESSION_JOINED: one more pea in the jar. It may run twice for an event; then the pea is there already."""
    fact = Fact.of(context.args)
    (Path(os.environ["CARD_INDEX_JAR"]) / f"{fact.id}.pea").touch()


def register(registry: Registry) -> None:
    """What the entry point names."""
    registry.integration(CardIndex)
    registry.channel(Bell)
    registry.reaction("SESSION_JOINED", tally)
