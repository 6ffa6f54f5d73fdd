"""Templates: what may be written in one, what is refused, and what it can never reach."""

import pytest

from app.notifications.defaults import BUILT_IN
from app.notifications.errors import InvalidTemplate
from app.notifications.models import NotificationKind
from app.notifications.texts import Text, check, example, fill_in

CALLED, PEOPLE_AHEAD = NotificationKind.CALLED, NotificationKind.PEOPLE_AHEAD


def refused(body: str, kind: NotificationKind = CALLED) -> InvalidTemplate:
    with pytest.raises(InvalidTemplate) as raised:
        check(kind, Text("Subject", body))
    return raised.value


@pytest.mark.parametrize(("kind", "locale"), BUILT_IN)
def test_the_built_in_texts_are_good_with_and_without_optional_values(kind: NotificationKind, locale: str) -> None:
    text = BUILT_IN[kind, locale]
    check(kind, text)
    values = example(kind)
    full = fill_in(text, values)
    assert "A042" in full.subject
    assert "A042" in full.body
    bare = fill_in(text, values | {"counterName": None, "estimatedWaitMinutes": None})
    assert "None" not in bare.body
    assert len(bare.body.splitlines()) < len(full.body.splitlines())


@pytest.mark.parametrize(
    ("ahead", "english", "german"),
    [
        (0, "A042: you are next", "A042: Sie sind als Nächstes dran"),
        (1, "A042: 1 person ahead of you", "A042: noch 1 Person vor Ihnen"),
        (3, "A042: 3 people ahead of you", "A042: noch 3 Personen vor Ihnen"),
    ],
)
def test_the_number_of_people_is_worded_right(ahead: int, english: str, german: str) -> None:
    values = example(PEOPLE_AHEAD) | {"peopleAhead": ahead}
    assert fill_in(BUILT_IN[PEOPLE_AHEAD, "en"], values).subject == english
    assert fill_in(BUILT_IN[PEOPLE_AHEAD, "de"], values).subject == german


def test_an_unknown_variable_is_named_with_its_line_and_what_there_is() -> None:
    error = refused("Hello\n{{ visitorName }}")
    assert (error.field, error.variable, error.line) == ("body", "visitorName", 2)
    assert "ticketNumber" in error.message
    # Known, but for another kind.
    assert refused("{{ peopleAhead }}", CALLED).variable == "peopleAhead"


@pytest.mark.parametrize(
    "body",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ticketNumber.__class__ }}",
        "{{ ticketNumber['__class__'] }}",
        "{{ queueName | attr('__class__') }}",
        "{% for x in 'abc' %}{{ x }}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ queueName | center(1000000000) }}",
        "{{ lipsum() }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ self._TemplateReference__context }}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
        "{% set x = 1 %}",
        "{% macro f() %}{% endmacro %}",
        "{% extends 'x' %}",
        "{% if ticketNumber is defined %}{% endif %}",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{% raw %}{% endraw",
        "{{ ticketNumber",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{% if ticketNumber %}" * 200 + "{% endif %}" * 200,
        "{{ not " * 1 + "not " * 500 + "ticketNumber }}",
        "",
        "   ",
        "x" * 10_001,
    ],
)
def test_everything_but_filling_in_is_refused(body: str) -> None:
    refused(body)


def test_conditions_comparisons_and_harmless_filters_work() -> None:
    text = Text(
        "{{ queueName | upper }}",
        "{% if peopleAhead >= 2 and not estimatedWaitMinutes %}{{ peopleAhead }} left{% else %}soon{% endif %}"
        " {{ 'x' if peopleAhead == 2 else 'y' }} {{ estimatedWaitMinutes | default('?', true) }}",
    )
    check(PEOPLE_AHEAD, text)
    filled = fill_in(text, example(PEOPLE_AHEAD) | {"peopleAhead": 2, "estimatedWaitMinutes": None})
    assert filled == Text("ADVICE", "2 left x ?\n")


def test_values_are_only_ever_values() -> None:
    values = example(CALLED) | {"queueName": "{{ tenantName }}\r\nBcc: victim@example.com\n<b>"}
    filled = fill_in(Text("{{ queueName }}", "{{ queueName }}"), values)
    assert filled.subject == "{{ tenantName }} Bcc: victim@example.com <b>"
    assert filled.body.startswith("{{ tenantName }}")
