"""What is no plug-in is named, with the reason; what is one is added once, and all of it or nothing."""

from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any

import pytest

import app.reactions as product
from app.integrations.adapters.hubspot import HubSpot
from app.integrations.adapters.registry import ADAPTERS
from app.plugins import loading
from app.plugins.api import API_VERSION, Adapter, JobContext, Registry, job
from app.plugins.loading import PluginBroken, Plugins, look
from app.settings import Settings


class Point:
    """An entry point of no package."""

    dist = None

    def __init__(self, name: str, register: Any) -> None:
        self.name, self._register = name, register

    def load(self) -> Any:
        if isinstance(self._register, Exception):
            raise self._register
        return self._register


@job("sample.work")
async def work(context: JobContext) -> None:
    """Nothing."""


@job("elsewhere.work")
async def misnamed(context: JobContext) -> None:
    """Nothing."""


class NoName(HubSpot):
    name = "no name"


class SameName(HubSpot):
    pass


class Nothing(Adapter[Any, Any]):
    name = "NOTHING"


BROKEN: list[tuple[Any, str]] = [
    (ImportError("no module named x"), "ImportError: no module named x"),
    (lambda registry: None, "it registers nothing"),
    (lambda: None, "takes 0 positional arguments"),
    (lambda registry: registry.reaction("NO_SUCH_EVENT", work), "there is no event of the type NO_SUCH_EVENT"),
    (lambda registry: registry.reaction("SESSION_JOINED", misnamed), "has to be called sample.<something>"),
    (lambda registry: registry.integration(NoName), "has to be 1 to 40 of A-Z"),
    (lambda registry: registry.integration(SameName), "there is an integration called HUBSPOT already"),
    (lambda registry: registry.integration(Nothing), "neither a Crm nor a Payments"),
    (lambda registry: registry.other(), "AttributeError"),
]


@pytest.mark.parametrize(("register", "reason"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_one_that_is_no_good_is_named(register: Any, reason: str) -> None:
    before = dict(ADAPTERS)
    (found,) = look(Settings(), _points(sample=register))
    assert reason in (found.problem or "")
    assert (found.name, found.package) == ("sample", "an unknown package")
    assert dict(ADAPTERS) == before


def test_it_stops_the_process_and_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    points = _points(sample=lambda registry: None)
    monkeypatch.setattr(loading, "entry_points", lambda group: points)
    with pytest.raises(PluginBroken, match=r"The plug-in sample of an unknown package .* VQ_PLUGINS_OFF=sample"):
        loading.load(Settings())
    assert loading.load(Settings(plugins_off=("sample",))).found[0].is_off


def test_two_of_one_name_are_none() -> None:
    points = [*_points(sample=_react), *_points(sample=_react)]
    assert [each.problem for each in look(Settings(), points)] == ["another package has a plug-in of this name"] * 2


def test_its_reactions_stand_behind_the_products() -> None:
    plugins = Plugins(look(Settings(), _points(sample=_react)))
    together, own = plugins.reactions(product.REACTIONS), product.REACTIONS
    assert [each.kind for each in together["SESSION_JOINED"]] == [
        *(each.kind for each in own["SESSION_JOINED"]),
        work,
    ]
    assert {type: each for type, each in together.items() if type != "SESSION_JOINED"} == {
        type: list(each) for type, each in own.items() if type != "SESSION_JOINED"
    }
    jobs = plugins.jobs(product.JOBS)
    assert jobs["sample.work"] is work
    assert set(jobs) == {*product.JOBS, "sample.work"}


def _react(registry: Registry) -> None:
    assert registry.api_version == API_VERSION
    registry.reaction("SESSION_JOINED", work)


def _points(**registering: Callable[[Registry], None]) -> list[EntryPoint]:
    return [Point(name, register) for name, register in registering.items()]  # type: ignore[misc]
