"""Templates: what may be written in one, what is refused, and what it can never reach."""

import unicodedata

import pytest

from app.notifications.defaults import BUILT_IN, LANGUAGES, TEMPLATED
from app.notifications.errors import InvalidTemplate, SmsTooLong
from app.notifications.models import NotificationChannel, NotificationKind
from app.notifications.sms import SmsEncoding, measure, shortened
from app.notifications.texts import UNFILLABLE, Text, check, example, fill_in

EMAIL, SMS = NotificationChannel.EMAIL, NotificationChannel.SMS
CALLED, PEOPLE_AHEAD = NotificationKind.CALLED, NotificationKind.PEOPLE_AHEAD


def refused(body: str, kind: NotificationKind = CALLED) -> InvalidTemplate:
    with pytest.raises(InvalidTemplate) as raised:
        check(kind, Text("Subject", body))
    return raised.value


@pytest.mark.parametrize(("kind", "locale"), [(kind, locale) for kind in TEMPLATED for locale in LANGUAGES])
def test_the_built_in_texts_are_good_on_every_channel(kind: NotificationKind, locale: str) -> None:
    for channel in NotificationChannel:
        text = BUILT_IN[kind, channel, locale]
        check(kind, text, channel)
        full = fill_in(text, example(kind), channel=channel, locale=locale)
        named = "Advice" if kind is NotificationKind.QUEUE_ALERT else "A042"
        assert named in full.body
        optional = {"counterName": None, "estimatedWaitMinutes": None, "limit": None}
        bare = fill_in(text, example(kind) | optional, channel=channel, locale=locale)
        assert "None" not in bare.subject + bare.body
        assert "\n\n\n" not in full.body + bare.body


@pytest.mark.parametrize("locale", [locale for locale in LANGUAGES if locale != "ar"])
def test_a_built_in_text_message_is_one_segment_where_the_alphabet_allows(locale: str) -> None:
    for kind in TEMPLATED:
        filled = fill_in(BUILT_IN[kind, SMS, locale], example(kind), channel=SMS, locale=locale)
        assert (measure(filled.body).encoding, measure(filled.body).segments) == (SmsEncoding.GSM, 1), filled.body


def test_arabic_is_written_from_right_to_left_and_values_do_not_turn_it_round() -> None:
    text = BUILT_IN[CALLED, EMAIL, "ar"]
    # The first letter that has a direction decides about all of it.
    for channel in NotificationChannel:
        for kind in TEMPLATED:
            there = BUILT_IN[kind, channel, "ar"]
            filled = fill_in(there, example(kind), channel=channel, locale="ar")
            for part in (filled.subject, filled.body):
                assert next(filter(None, map(strong, part))) == "AL", part
    assert "\u2068A042\u2069" in fill_in(text, example(CALLED), locale="ar").body
    assert "\u2068" not in fill_in(text, example(CALLED), locale="en").body
    assert "\u2068" not in fill_in(BUILT_IN[CALLED, SMS, "ar"], example(CALLED), channel=SMS, locale="ar").body
    # An address of a page stays one.
    assert (
        "مكانك: https://queue.example\n"
        in fill_in(
            BUILT_IN[NotificationKind.JOINED, EMAIL, "ar"], example(NotificationKind.JOINED), locale="ar-EG"
        ).body
    )


def strong(letter: str) -> str | None:
    kind = unicodedata.bidirectional(letter)
    return kind if kind in ("L", "R", "AL") else None


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
    assert fill_in(BUILT_IN[PEOPLE_AHEAD, EMAIL, "en"], values).subject == english
    assert fill_in(BUILT_IN[PEOPLE_AHEAD, EMAIL, "de"], values).subject == german


@pytest.mark.parametrize("kind", [NotificationKind.WAIT_BELOW, NotificationKind.OPENING_SOON])
@pytest.mark.parametrize(
    ("minutes", "arabic"), [(1, "دقيقة واحدة"), (2, "دقيقتين"), (3, "3 دقائق"), (10, "10 دقائق"), (11, "11 دقيقة")]
)
def test_minutes_are_worded_right(kind: NotificationKind, minutes: int, arabic: str) -> None:
    values = example(kind) | {"estimatedWaitMinutes": minutes, "minutesUntilOpening": minutes}
    for locale in LANGUAGES:
        body = fill_in(BUILT_IN[kind, EMAIL, locale], values, locale=locale).body
        body = body.replace("\u2068", "").replace("\u2069", "")
        assert (arabic if locale == "ar" else f"{minutes} min") in body
        assert not any(word in body for word in ("minutes", "minutos", "Minuten"))


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
        "{{ ticketNumber | upper(1) }}",
        "{{ ticketNumber | upper(*queueName) }}",
        "{% if ticketNumber > 5 %}{% endif %}",
        "{{ " + "9" * 5_000 + " }}",
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


def test_a_comparison_with_what_may_be_empty_is_refused_unless_it_is_asked_for_first() -> None:
    # It would work in the preview, and stop the message of whoever's wait is not known.
    assert (
        "estimatedWaitMinutes is empty"
        in refused("{% if estimatedWaitMinutes < 5 %}!{% endif %}", PEOPLE_AHEAD).message
    )
    assert "counterName is empty" in refused("{% if 'A' in counterName %}!{% endif %}").message
    check(PEOPLE_AHEAD, Text("s", "{% if estimatedWaitMinutes and estimatedWaitMinutes < 5 %}now{% endif %}"))


@pytest.mark.parametrize(
    "body",
    [
        "{% for a in 'aaaaaaaaaa' %}{% for b in 'aaaaaaaaaa' %}{{ a }}{% endfor %}{% endfor %}",
        "{{ 'a' * 1000000000 }}",
        "{{ ticketNumber.__class__ }}",
        "{% if ticketNumber %}" * 200 + "{% endif %}" * 200,
    ],
)
def test_what_was_stored_before_it_was_refused_is_not_run(body: str) -> None:
    with pytest.raises(UNFILLABLE):
        fill_in(Text("s", body), example(CALLED))


def test_values_are_only_ever_values() -> None:
    values = example(CALLED) | {"queueName": "{{ tenantName }}\r\nBcc: victim@example.com\n<b>"}
    filled = fill_in(Text("{{ queueName }}", "{{ queueName }}"), values)
    assert filled.subject == "{{ tenantName }} Bcc: victim@example.com <b>"
    assert filled.body.startswith("{{ tenantName }}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 160, (SmsEncoding.GSM, 160, 1)),
        ("a" * 161, (SmsEncoding.GSM, 161, 2)),
        ("a" * 306, (SmsEncoding.GSM, 306, 2)),
        ("a" * 307, (SmsEncoding.GSM, 307, 3)),
        # A bracket takes two, and is not cut in two.
        ("[" * 80, (SmsEncoding.GSM, 160, 1)),
        ("a" * 152 + "[" + "a" * 100, (SmsEncoding.GSM, 254, 2)),
        ("a" * 152 + "[" + "a" * 151, (SmsEncoding.GSM, 305, 2)),
        ("a" * 152 + "[" + "a" * 152, (SmsEncoding.GSM, 306, 3)),
        ("ä" * 160, (SmsEncoding.GSM, 160, 1)),
        ("ê" * 70, (SmsEncoding.UNICODE, 70, 1)),
        ("ê" * 71, (SmsEncoding.UNICODE, 71, 2)),
        ("😀" * 35, (SmsEncoding.UNICODE, 70, 1)),
        ("😀" * 66, (SmsEncoding.UNICODE, 132, 2)),
        ("😀" * 67, (SmsEncoding.UNICODE, 134, 3)),
    ],
)
def test_a_text_message_is_counted_as_networks_count(text: str, expected: tuple[SmsEncoding, int, int]) -> None:
    length = measure(text)
    assert (length.encoding, length.units, length.segments) == expected


def test_a_template_that_makes_too_long_a_text_message_is_refused_naming_how_long() -> None:
    check(CALLED, Text("", "x" * 612), SMS)
    with pytest.raises(SmsTooLong) as raised:
        check(CALLED, Text("", "x" * 613), SMS)
    assert (raised.value.segments, raised.value.most_segments, raised.value.encoding) == (5, 4, "GSM")
    with pytest.raises(SmsTooLong) as raised:
        check(CALLED, Text("", "x" * 268 + "ê"), SMS)
    assert (raised.value.segments, raised.value.encoding) == (5, "UNICODE")
    # As a mail it may be as long, and a mail needs a subject.
    check(CALLED, Text("Subject", "x" * 613))
    with pytest.raises(InvalidTemplate):
        check(CALLED, Text("", "x"))


def test_values_that_make_a_text_message_longer_than_anybody_sends_are_cut() -> None:
    filled = fill_in(Text("", "{{ queueName }}"), example(CALLED) | {"queueName": "[" * 2_000}, channel=SMS)
    assert filled.body.endswith("...")
    assert measure(filled.body).segments == 10
    assert shortened("short") == "short"
