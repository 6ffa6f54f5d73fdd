"""What one API process holds for as long as it runs: pools, bus, live lines, keys. Built once by `main`."""

from dataclasses import dataclass

from app.admission.tokens import AdmissionTokens
from app.core.clock import Clock
from app.core.db import Databases
from app.core.limits import Limiter
from app.core.live.bus import Bus
from app.core.turns import Turns
from app.identity.authentication import Authenticator
from app.identity.gate import Gate
from app.identity.providers.journeys import Journeys
from app.sessions.arrivals import Arrivals
from app.sessions.commands import LineCommands
from app.sessions.live import LiveLines
from app.settings import Settings
from app.simulation.elsewhere import Elsewhere


@dataclass(frozen=True, slots=True)
class Runtime:
    """The process's shared parts, handed to every request."""

    settings: Settings
    clock: Clock
    dbs: Databases
    bus: Bus
    lines: LiveLines
    arrivals: Arrivals
    turns: Turns
    commands: LineCommands
    authenticator: Authenticator
    admissions: AdmissionTokens
    limiter: Limiter
    gate: Gate
    journeys: Journeys
    simulations: Elsewhere
