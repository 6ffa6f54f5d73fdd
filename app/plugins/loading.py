"""Finds plug-ins, lets each register, and adds what they have to what there is. Says by name which one is no good.

A plug-in that cannot be loaded stops the process: whatever it was to carry would be missing without a word. Whoever has
to go on without it names it in VQ_PLUGINS_OFF.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points

from app.core.events import Event
from app.core.events.reactions import Reaction, Reactions
from app.core.jobs.kinds import JobKind, Jobs
from app.integrations.adapters import registry as integrations
from app.notifications.channels import registry as channels
from app.plugins.registry import Registry
from app.settings import Settings

GROUP = "virtual_queue.plugins"


class PluginBroken(Exception):
    """A plug-in cannot be used; the message says which, of which package, and why."""

    def __init__(self, name: str, package: str, reason: str) -> None:
        way_out = f"`vq plugins` lists them all; to go on without: VQ_PLUGINS_OFF={name}."
        super().__init__(f"The plug-in {name} of {package} cannot be used: {reason}. {way_out}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Plugin:
    """One that is installed. `problem`: why it cannot be used; None if it is used, or off."""

    name: str
    package: str
    is_off: bool = False
    problem: str | None = None
    adds: Sequence[str] = ()
    registry: Registry | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Plugins:
    """Those that are used."""

    found: Sequence[Plugin]

    def reactions(self, own: Reactions) -> Reactions:
        """The product's, and theirs behind them."""
        together: dict[str, list[Reaction]] = {type: list(reactions) for type, reactions in own.items()}
        for event_type, reaction in self._added():
            together.setdefault(event_type, []).append(reaction)
        return together

    def jobs(self, own: Mapping[str, JobKind]) -> Jobs:
        """The product's, and theirs."""
        theirs = {reaction.kind.name: reaction.kind for _, reaction in self._added()}
        return Jobs([*own.values(), *theirs.values()])

    def _added(self) -> Iterator[tuple[str, Reaction]]:
        for plugin in self.found:
            if plugin.registry is not None:
                yield from plugin.registry.reactions


def load(settings: Settings) -> Plugins:
    """Load all that are installed and not off, in the order of their names. Raises `PluginBroken`."""
    found = look(settings)
    for plugin in found:
        if plugin.problem is not None:
            raise PluginBroken(plugin.name, plugin.package, plugin.problem)
    return Plugins(found)


def look(settings: Settings, installed: Iterable[EntryPoint] | None = None) -> list[Plugin]:
    """All that are installed, each loaded and added if it can be. Raises nothing a plug-in has caused."""
    points = sorted(entry_points(group=GROUP) if installed is None else installed, key=lambda point: point.name)
    names = [point.name for point in points]
    return [_plugin(point, settings.plugins_off, is_twice=names.count(point.name) > 1) for point in points]


def _plugin(point: EntryPoint, off: Sequence[str], *, is_twice: bool) -> Plugin:
    package = "an unknown package" if point.dist is None else f"{point.dist.name} {point.dist.version}"
    if point.name in off:
        return Plugin(point.name, package, is_off=True)
    if is_twice:
        return Plugin(point.name, package, problem="another package has a plug-in of this name")
    registry = Registry(point.name)
    try:
        point.load()(registry)
        _ensure_usable(registry)
        _add(registry)
    except Exception as problem:  # noqa: BLE001
        # Whatever it is: it is theirs, and is told by name.
        text = str(problem) if isinstance(problem, ValueError | TypeError) else f"{type(problem).__name__}: {problem}"
        return Plugin(point.name, package, problem=" ".join(text.split())[:300])
    return Plugin(point.name, package, adds=_described(registry), registry=registry)


def _ensure_usable(registry: Registry) -> None:
    if not (registry.providers or registry.adapters or registry.reactions):
        raise ValueError("it registers nothing")
    known = {kind.type for kind in _kinds(Event) if hasattr(kind, "type")}
    for event_type, reaction in registry.reactions:
        if event_type not in known:
            raise ValueError(f"there is no event of the type {event_type}")
        if not reaction.kind.name.startswith(f"{registry.plugin}."):
            raise ValueError(f"its job {reaction.kind.name} has to be called {registry.plugin}.<something>")


def _add(registry: Registry) -> None:
    for provider in registry.providers:
        channels.register(provider)
    for adapter in registry.adapters:
        integrations.register(adapter)


def _kinds(of: type[Event]) -> Iterator[type[Event]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)


def _described(registry: Registry) -> list[str]:
    return [
        *(f"channel {each.name}" for each in registry.providers),
        *(f"integration {each.name} ({each.kind.value})" for each in registry.adapters),
        *(f"reaction to {event_type} ({reaction.kind.name})" for event_type, reaction in registry.reactions),
    ]
