"""What is believed of a site, report after report, and what an answer says. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.admission.health.models import HealthReason
from app.admission.health.rules import NOTHING, Pending, Weighed, verdict, weigh
from app.core.outbound import Answer
from app.queues.models import OriginHealth

UNKNOWN, HEALTHY, DEGRADED, DOWN = (
    OriginHealth.UNKNOWN,
    OriginHealth.HEALTHY,
    OriginHealth.DEGRADED,
    OriginHealth.DOWN,
)
REPORTED, ASKED, STALE, NOT_TOLD = HealthReason.REPORTED, HealthReason.ASKED, HealthReason.STALE, HealthReason.NOT_TOLD
LETTERS = {"H": HEALTHY, "D": DEGRADED, "X": DOWN, "U": UNKNOWN}


def story(seen: str, source: HealthReason, believed: OriginHealth = UNKNOWN) -> str:
    """What is believed after each of these."""
    because, pending, said = NOT_TOLD, NOTHING, ""
    for letter in seen:
        weighed = weigh(believed, because, pending, LETTERS[letter], source)
        if weighed.health is not None:
            believed, because = weighed.health, source
        pending = weighed.pending
        said += next(each for each, health in LETTERS.items() if health is believed)
    return said


@pytest.mark.parametrize(
    ("seen", "believed"),
    [
        # The first one is believed, and so is the worse.
        ("HHDDX", "HHDDX"),
        ("X", "X"),
        # The better is believed when it was said twice in a row.
        ("XHH", "XXH"),
        ("XDD", "XXD"),
        ("DHH", "DDH"),
        # As far as both support it.
        ("XHD", "XXD"),
        ("XDH", "XXD"),
        ("XDHH", "XXDD"),
        ("XDHHH", "XXDDH"),
        # On the brink nothing moves.
        ("XHXHXHXH", "XXXXXXXX"),
        ("DHDHDHDH", "DDDDDDDD"),
        ("HXHXHXHX", "HXXXXXXX"),
    ],
)
def test_reports(seen: str, believed: str) -> None:
    assert story(seen, REPORTED) == believed


@pytest.mark.parametrize(
    ("seen", "believed"),
    [
        ("HH", "HH"),
        # One look that failed may be our own fault.
        ("HXHXH", "HHHHH"),
        ("HXX", "HHX"),
        ("HXD", "HHD"),
        ("HDX", "HHD"),
        ("X", "U"),
        ("XX", "UX"),
        ("XXHHH", "UXXXH"),
        ("XXHHXHHH", "UXXXXXXH"),
        ("XXHDH", "UXXXD"),
    ],
)
def test_looks(seen: str, believed: str) -> None:
    assert story(seen, ASKED) == believed


def test_what_is_believed_for_want_of_better_gives_way_to_the_first_who_knows() -> None:
    for source in (REPORTED, ASKED):
        assert weigh(DOWN, STALE, NOTHING, HEALTHY, source) == Weighed(HEALTHY, NOTHING)
        assert weigh(DOWN, STALE, NOTHING, DEGRADED, source) == Weighed(DEGRADED, NOTHING)
        # It is down indeed: the next better one has to be said as often as ever.
        assert weigh(DOWN, STALE, NOTHING, DOWN, source) == Weighed(DOWN, NOTHING)
    # Not the other way round: one look that failed is no proof.
    assert weigh(UNKNOWN, STALE, NOTHING, DOWN, ASKED) == Weighed(None, Pending(DOWN, 1))


@given(st.text("HDX", min_size=1), st.sampled_from([REPORTED, ASKED]), st.sampled_from(OriginHealth))
def test_what_is_believed_was_seen_by_all_of_those_who_changed_it(
    seen: str, source: HealthReason, before: OriginHealth
) -> None:
    """Never better than the best, nor worse than the worst, of what it was and what was seen since it last changed."""
    order = "XDHU"
    said = story(seen, source, before)
    start = next(each for each, health in LETTERS.items() if health is before)
    for place, letter in enumerate(said):
        met = [order.index(each) for each in start + seen[: place + 1]]
        assert min(met) <= order.index(letter) <= max(met)
    if set(seen) == {"H"}:
        assert said[-1:] == "H" or len(seen) < 3


def answer(
    status: int = 200, body: bytes = b"", content_type: str = "application/json", seconds: float = 0.1
) -> Answer:
    return Answer(status, content_type, body, seconds)


@pytest.mark.parametrize(
    ("given", "health"),
    [
        (answer(200), HEALTHY),
        (answer(204, content_type=""), HEALTHY),
        (answer(200, b"<html>ok</html>", "text/html"), HEALTHY),
        (answer(200, b'{"status":"pass"}', "application/health+json"), HEALTHY),
        (answer(200, b'{"status":"UP"}'), HEALTHY),
        (answer(200, b'{"status":"warn"}', "application/health+json"), DEGRADED),
        (answer(200, b'{"status":"Degraded"}'), DEGRADED),
        (answer(200, b'{"status":"fail"}'), DOWN),
        (answer(200, b'{"status":"OUT_OF_SERVICE"}'), DOWN),
        (answer(200, b'{"status":"fail"}', "text/plain"), HEALTHY),
        (answer(200, b'{"status":"something else"}'), HEALTHY),
        (answer(200, b'{"status":7}'), HEALTHY),
        (answer(200, b'["fail"]'), HEALTHY),
        (answer(200, b'{"status":"fail"'), HEALTHY),
        (answer(200, b"\xff\xfe"), HEALTHY),
        (answer(200, seconds=2.1), DEGRADED),
        (answer(200, b'{"status":"fail"}', seconds=2.1), DOWN),
        (answer(429), DEGRADED),
        (answer(301), DOWN),
        (answer(401), DOWN),
        (answer(404), DOWN),
        (answer(500), DOWN),
        (answer(503, b'{"status":"warn"}'), DOWN),
    ],
)
def test_what_an_answer_says(given: Answer, health: OriginHealth) -> None:
    found, why = verdict(given)
    assert found is health
    # Nothing the site wrote is in it, and it fits.
    assert "<" not in why
    assert len(why) < 120


def test_a_redirect_says_what_to_do() -> None:
    assert "give its target" in verdict(answer(302))[1]
