"""Lines as they are drawn: Arabic letters joined, what runs from right to left turned round."""

import pytest

from app.reports.rendering.scripts import is_right_to_left, joined, visual


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        # Initial, then lam and alef as one, which joins nothing behind it: seen, lam-alef, meem.
        ("سلام", "\ufeb3\ufefc\ufee1"),
        # Between two letters that join: medial. Behind one that joins nothing: initial again.
        ("بيت", "\ufe91\ufef4\ufe96"),
        ("دار", "\ufea9\ufe8d\ufead"),
        # A vowel sign between two letters does not part them.
        ("بَت", "\ufe91\u064e\ufe96"),
        ("Queue 7", "Queue 7"),
    ],
)
def test_arabic_letters_take_the_form_their_neighbours_ask_for(text: str, drawn: str) -> None:
    assert joined(text) == drawn


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Information", "Information"),
        ("שלום", "םולש"),
        ("Desk שלום here", "Desk םולש here"),
        # Numbers keep their direction, with what belongs to them.
        ("שלום 42", "42 םולש"),
        ("שלום 17:14", "17:14 םולש"),
        ("שלום 21/11/2026", "21/11/2026 םולש"),
        ("שלום 50%", "50% םולש"),
        # A Latin name in a line that runs from right to left stays readable, and brackets look the other way.
        ("שלום Anna א", "א Anna םולש"),
        ("א (ב) ג", "ג (ב) א"),
        ("a\u202eb\x00c", "abc"),
        # A space that keeps two parts together is drawn as one.
        ("12\u00a0%", "12 %"),
        ("", ""),
    ],
)
def test_what_runs_from_right_to_left_is_turned_round(text: str, drawn: str) -> None:
    assert visual(text) == drawn


def test_the_first_letter_with_a_direction_says_which_way_a_text_runs() -> None:
    assert is_right_to_left("42: שלום")
    assert not is_right_to_left("42: Anna שלום")
    assert not is_right_to_left("42")
    # A label in Arabic stands in a page of Arabic, whatever it begins with.
    assert visual("P90 א", right_to_left=True) == "א P90"
    assert visual("P90 א") == "P90 א"
