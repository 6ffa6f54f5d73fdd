"""The text of a code: what we have signed is read however it is typed, and nothing else is."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.codes import SERIAL_BITS, CodeSigner, fresh_serial

SIGNER = CodeSigner("a-secret-of-32-characters-at-least")
TENANT, QUEUE = UUID(int=1), UUID(int=2)
SERIALS = st.integers(0, 2**SERIAL_BITS - 1)
SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@given(SERIALS)
def test_a_code_is_read_back_however_it_is_typed(serial: int) -> None:
    text = SIGNER.text(TENANT, QUEUE, serial)
    groups = text.split("-")
    assert [len(group) for group in groups] == [5, 5, 5, 5]
    assert set("".join(groups)) <= set(SIGNS)
    typed = [text, text.lower(), "".join(groups), f" {' '.join(groups)} ", text.replace("1", "l").replace("0", "O")]
    assert {SIGNER.read(TENANT, QUEUE, one) for one in typed} == {serial}


@given(SERIALS, st.integers(0, 19), st.sampled_from(SIGNS))
def test_a_code_with_another_sign_anywhere_is_none(serial: int, place: int, sign: str) -> None:
    signs = list(SIGNER.text(TENANT, QUEUE, serial).replace("-", ""))
    was, signs[place] = signs[place], sign
    assert SIGNER.read(TENANT, QUEUE, "".join(signs)) == (serial if was == sign else None)


@given(SERIALS)
def test_a_code_is_good_for_one_queue_of_one_tenant_of_one_installation(serial: int) -> None:
    text = SIGNER.text(TENANT, QUEUE, serial)
    assert SIGNER.read(TENANT, UUID(int=3), text) is None
    assert SIGNER.read(UUID(int=3), QUEUE, text) is None
    assert CodeSigner("another-secret-of-32-characters-or").read(TENANT, QUEUE, text) is None


@given(st.text(max_size=80))
def test_any_words_are_no_code(text: str) -> None:
    assert SIGNER.read(TENANT, QUEUE, text) is None


@pytest.mark.parametrize("text", ["", "-", "0" * 20, "0" * 19, "U" * 20, "7K2QF-9R0MX-T4W3H-PZ6DA", "0" * 100_000])
def test_what_only_looks_like_one(text: str) -> None:
    assert SIGNER.read(TENANT, QUEUE, text) is None


def test_serial_numbers_do_not_repeat_or_count() -> None:
    serials = [fresh_serial() for _ in range(1_000)]
    assert len(set(serials)) == 1_000
    assert serials != sorted(serials)
    assert max(serials) < 2**SERIAL_BITS
