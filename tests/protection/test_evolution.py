"""Who uses the released schema goes on working, unless told in time; and `vq schema --against` says so."""

from datetime import date
from pathlib import Path

import pytest

from app.cli import main
from app.commands.evolution import compared
from app.core.graphql.deprecation import Dates, dates_of, deprecated

ROOT = Path(__file__).resolve().parents[2]
RELEASED = """
interface Named { name: String! }
enum Colour { RED GREEN }
input Filter { colour: Colour, size: Int }
type Car implements Named { name: String!, wheels: Int, doors: Int! }
type Bus implements Named { name: String! }
union Vehicle = Car | Bus
type Query { vehicles(filter: Filter, first: Int): [Vehicle!]!, car(id: ID!): Car }
"""
TOLD = "Use another. Deprecated since 2026-01-01, stays until 2026-04-01."
TODAY = date(2026, 4, 1)


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("wheels: Int,", ""),
        ("wheels: Int", "wheels: Float"),
        ("doors: Int!", "doors: Int"),
        ("GREEN", ""),
        (", first: Int", ""),
        (", first: Int", ", first: Int!"),
        (", size: Int", ""),
        (", size: Int", ", size: Int!"),
        (", size: Int", ", size: Int, weight: Int!"),
        ("car(id: ID!)", "car(id: ID!, year: Int!)"),
        ("car(id: ID!)", "car(id: Int!)"),
        ("= Car | Bus", "= Car"),
        ("Bus implements Named", "Bus"),
        ("car(id: ID!): Car", ""),
    ],
)
def test_what_would_break_a_client_is_found(written: str, otherwise: str) -> None:
    assert written in RELEASED
    assert compared(RELEASED, RELEASED.replace(written, otherwise), TODAY).broken != ()


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        ("wheels: Int", "wheels: Int!"),
        ("wheels: Int", "wheels: Int, seats: Int"),
        (", size: Int", ", size: Int, weight: Int"),
        ("car(id: ID!)", "car(id: ID)"),
        ("wheels: Int", 'wheels: Int @deprecated(reason: "Soon.")'),
    ],
)
def test_what_breaks_nobody_is_no_offence(written: str, otherwise: str) -> None:
    found = compared(RELEASED, RELEASED.replace(written, otherwise), TODAY)
    assert (found.broken, found.announced) == ((), ())


@pytest.mark.parametrize(
    ("written", "deprecated_in_release"),
    [
        ("wheels: Int,", f'wheels: Int @deprecated(reason: "{TOLD}"),'),
        ("GREEN", f'GREEN @deprecated(reason: "{TOLD}")'),
        (", first: Int", f', first: Int @deprecated(reason: "{TOLD}")'),
        (", size: Int", f', size: Int @deprecated(reason: "{TOLD}")'),
    ],
)
def test_what_was_announced_may_go_when_its_time_has_come(written: str, deprecated_in_release: str) -> None:
    released, current = RELEASED.replace(written, deprecated_in_release), RELEASED.replace(written, "")
    due = compared(released, current, TODAY)
    assert (len(due.announced), due.broken) == (1, ())
    early = compared(released, current, date(2026, 3, 31))
    assert (early.announced, len(early.broken)) == ((), 1)
    # Deprecated since the release, or without a date: nobody has been told.
    assert compared(RELEASED, current, TODAY).broken != ()
    assert compared(released.replace(TOLD, "Soon."), current, TODAY).broken != ()


def test_new_members_and_values_are_pointed_out() -> None:
    found = compared(RELEASED, RELEASED.replace("RED", "RED BLUE").replace("= Car", "= Query | Car"), TODAY)
    assert found.broken == ()
    assert len(found.dangerous) == 2


def test_a_deprecation_says_when() -> None:
    since, until = date(2026, 11, 21), date(2027, 2, 19)
    assert dates_of(deprecated("Use `slug`.", since=since, until=until)) == Dates(since, until)
    with pytest.raises(ValueError, match="90 days"):
        deprecated("Use `slug`.", since=since, until=date(2027, 2, 18))


def test_the_command_tells_a_break_from_a_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    current = (ROOT / "frontend-contract" / "released.graphql").read_text(encoding="utf-8")
    assert main(["schema", "--against", str(ROOT / "frontend-contract" / "released.graphql")]) == 0
    assert "released.graphql breaks." in capsys.readouterr().out
    older = tmp_path / "older.graphql"
    older.write_text(current.replace("type Queue implements Node {", "type Queue implements Node {\n  gone: Int", 1))
    assert main(["schema", "--against", str(older)]) == 1
    assert "BREAKS:       Field Queue.gone was removed." in capsys.readouterr().out
    assert main(["schema", "--against", str(tmp_path / "none.graphql")]) != 0
    assert "There is no" in capsys.readouterr().err
