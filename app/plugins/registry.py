"""What one plug-in adds, collected while it registers. Nothing of it counts before all of it is found to be usable."""

from dataclasses import dataclass, field
from typing import Any

from app.core.events.reactions import Reaction, each, latest
from app.core.jobs.kinds import JobKind
from app.integrations.adapters.interface import Adapter
from app.notifications.channels.interface import Provider

API_VERSION = 1
"""Raised when something in `api.py` is taken away or means something else."""


@dataclass(slots=True)
class Registry:
    """Handed to a plug-in's function, under the name of its entry point."""

    plugin: str
    providers: list[type[Provider[Any, Any]]] = field(default_factory=list)
    adapters: list[type[Adapter[Any, Any]]] = field(default_factory=list)
    reactions: list[tuple[str, Reaction]] = field(default_factory=list)

    @property
    def api_version(self) -> int:
        """What this installation offers."""
        return API_VERSION

    def channel(self, provider: type[Provider[Any, Any]]) -> None:
        """Let tenants have their messages carried by one more provider."""
        self.providers.append(provider)

    def integration(self, adapter: type[Adapter[Any, Any]]) -> None:
        """Let tenants use one more CRM or payment system."""
        self.adapters.append(adapter)

    def reaction(self, event_type: str, kind: JobKind, *, latest_only: bool = False) -> None:
        """Do a job after every event of a type, e.g. `SESSION_JOINED`, of every tenant, at least once.

        The job's arguments are the event (`Fact.of(context.args)`). `latest_only`: one job stands for several events of
        a queue that happen together. The job's name begins with the plug-in's name and a dot.
        """
        self.reactions.append((event_type, latest(kind) if latest_only else each(kind)))
