"""What is understood of what people write, in five languages and with mistakes; and what is not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.replies.models import Command
from app.notifications.replies.rules import Meant, Understood, meant, spellings, understand
from app.notifications.replies.texts import TEXTS, Answer, text_of

C = Command


@pytest.mark.parametrize(
    ("text", "command"),
    [
        *((text, C.MORE_TIME) for text in ("M", "m.", " More! ", "mehr", "plus", "más", "MAS", "مزيد")),
        *((text, C.LEAVE) for text in ("L", "l", "leave", "Verlassen", "quitter", "salir", "مغادرة")),
        *((text, C.JOIN) for text in ("J", "join", "rejoindre", "unirse", "انضمام")),
        *((text, C.STOP) for text in ("STOP", "Stop.", "stop all of this", "STOPP", "Arrêt", "arret", "ALTO", "baja")),
        *(
            (text, C.STOP)
            for text in ("unsubscribe", "UNSUBSCRIBE me please", "cancel", "End", "quit", "إيقاف", "ايقاف")
        ),
        *((text, C.START) for text in ("START", "unstop", "ابدأ")),
        *((text, C.HELP) for text in ("help", "Hilfe?", "INFO", "aide", "ayuda", "مساعدة")),
        # Everyday words count alone only, and nobody loses a place by something that may mean something else.
        *((text, C.UNKNOWN) for text in ("cancel my call with Bob", "the end", "end of the road", "", " ", "👍")),
        *((text, C.UNKNOWN) for text in ("L'heure ?", "leave me alone", "Ich gehe", "mmm", "start the car", "help me")),
        *((text, C.UNKNOWN) for text in ("L a very long text with 1 number", "M 1 2 3 4")),
    ],
)
def test_words(text: str, command: Command) -> None:
    assert understand(text).command is command


def test_what_stands_behind_a_word() -> None:
    assert understand("m 5") == Understood(C.MORE_TIME, ("5",))
    assert understand("L A-042") == Understood(C.LEAVE, ("a", "042"))
    assert understand("STOP 5") == Understood(C.STOP)


@pytest.mark.parametrize(
    ("text", "tickets", "expected"),
    [
        ("L", ["A042"], Meant(0)),
        ("L", [], Meant(None)),
        ("L", ["A042", "B007"], Meant(None)),
        ("L b007", ["A042", "B007"], Meant(1)),
        ("L A 042", ["A042", "B007"], Meant(0)),
        ("L A042", ["A042"], Meant(0)),
        # A number that is none of theirs is not guessed at, even if there is one place only.
        ("L A043", ["A042"], Meant(None)),
        ("L 5", ["A042"], Meant(None)),
        ("M 5", ["A042"], Meant(0, 5)),
        ("M ٥", ["A042"], Meant(0, 5)),
        ("M 5 B007", ["A042", "B007"], Meant(1, 5)),
        ("M 5", ["A042", "B007"], Meant(None, 5)),
        ("M 0", ["A042"], Meant(None)),
        ("M 101", ["A042"], Meant(None)),
        # A ticket that is a number is the ticket.
        ("M 005", ["005"], Meant(0)),
        # Two queues have given out the same number.
        ("L A001", ["A001", "A001"], Meant(None)),
    ],
)
def test_which_place_is_meant(text: str, tickets: list[str], expected: Meant) -> None:
    assert meant(understand(text), tickets, 100) == expected


@given(st.text(max_size=200), st.lists(st.text(max_size=8), max_size=4))
def test_whatever_is_written_something_is_understood_and_no_place_is_made_up(text: str, tickets: list[str]) -> None:
    number = meant(understand(text), tickets, 100).number
    assert number is None or 0 <= number < len(tickets)


def test_a_number_is_found_as_it_may_have_been_typed() -> None:
    assert spellings("+4930901820") == ["+4930901820", "+49030901820"]
    assert spellings("+393331234567") == ["+393331234567", "+3903331234567"]
    assert spellings("+1") == ["+1"]


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("answer", Answer)
def test_every_answer_is_there_in_every_language_with_the_same_values(language: str, answer: Answer) -> None:
    values = {"ticket": "A042", "queue": "Q{x}", "tenant": "T", "places": "A042 (Q)", "example": "L A042"}
    used = {name for name in values if f"{{{name}}}" in TEXTS["en"][answer]}
    assert {name for name in values if f"{{{name}}}" in TEXTS[language][answer]} == used
    found, text = text_of(answer, f"{language}-XX", **values)
    assert found == language
    assert all(values[name] in text for name in used)


def test_a_language_we_do_not_write_is_answered_in_english() -> None:
    assert text_of(Answer.NO_PLACE, "fi") == ("en", TEXTS["en"][Answer.NO_PLACE])


@pytest.mark.parametrize("answer", list(Answer))
def test_an_answer_in_arabic_begins_with_a_word_of_it(answer: Answer) -> None:
    # Telephones take the direction of all of it from the first letter that has one.
    values = dict.fromkeys(["ticket", "queue", "tenant", "places", "example"], "A042")
    _, text = text_of(answer, "ar", **values)
    directions = map(unicodedata.bidirectional, text)
    assert next(each for each in directions if each in ("L", "R", "AL")) == "AL", text
