"""Sealed columns: plain to the code, closed in the table; found by a blind index."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.core.personal.keys import KeyUse, MasterKey, PersonalDataClosed, TenantKeys, forget, remember, version_of
from app.core.personal.masks import mask_email, mask_phone, mask_text
from app.core.personal.sealed import (
    SealedRow,
    any_case,
    digits,
    optional_sealed_json,
    optional_sealed_text,
    sealed,
    sealed_text,
)

MASTER = MasterKey.of("m" * 32)


class Person(SealedRow):
    """A row as features have them, without a table."""

    __tablename__ = "persons"

    email: str = sealed_text(found_by=any_case)
    name: str | None = optional_sealed_text()
    about: dict[str, Any] | None = optional_sealed_json()
    age: int = 3


def tenant_with(*versions: int) -> UUID:
    tenant_id = uuid4()
    learn(tenant_id, [MASTER.make(tenant_id, KeyUse.DATA, version) for version in versions])
    return tenant_id


def learn(tenant_id: UUID, data: list[object]) -> None:
    stored = [MASTER.make(tenant_id, KeyUse.INDEX, 0), *data]
    remember(tenant_id, TenantKeys.unwrapped(MASTER, tenant_id, stored))  # type: ignore[arg-type]


def test_a_row_is_made_read_and_changed_in_plain_text() -> None:
    person = Person(tenant_id=tenant_with(1), email="Anna@Example.com", about={"a": [1, "ü"]})
    assert (person.email, person.name, person.about, person.age) == ("Anna@Example.com", None, {"a": [1, "ü"]}, 3)
    assert (person.name_sealed, b"Anna" in person.email_sealed) == (None, False)
    before = person.email_index
    person.name, person.email = "Änne", "anna@example.COM "
    assert (person.name, person.email) == ("Änne", "anna@example.COM ")
    assert person.email_index == before
    person.email = "berta@example.com"
    assert person.email_index != before
    person.name = None
    assert (person.name, person.name_sealed) == (None, None)


def test_nothing_plain_is_shown_by_the_row_itself() -> None:
    person = Person(tenant_id=tenant_with(1), email="anna@example.com", name="Anna", about={"anna": "anna"})
    shown = f"{person!r} {person} {person.model_dump()} {person.__dict__}".lower()
    assert "anna" not in shown


def test_a_value_opens_in_its_own_row_and_column_only() -> None:
    tenant_id = tenant_with(1)
    anna = Person(tenant_id=tenant_id, email="anna@example.com", name="Anna")
    berta = Person(tenant_id=tenant_id, email="berta@example.com", name="Berta")
    berta.name_sealed = anna.name_sealed
    with pytest.raises(PersonalDataClosed):
        _ = berta.name
    anna.name_sealed = anna.email_sealed
    with pytest.raises(PersonalDataClosed):
        _ = anna.name


def test_a_forgotten_key_opens_nothing() -> None:
    person = Person(tenant_id=tenant_with(1), email="anna@example.com")
    forget(person.tenant_id)
    with pytest.raises(PersonalDataClosed):
        _ = person.email


def test_sealed_anew_it_is_the_same_under_the_new_key() -> None:
    tenant_id = uuid4()
    old = MASTER.make(tenant_id, KeyUse.DATA, 1)
    learn(tenant_id, [old])
    person = Person(tenant_id=tenant_id, email="anna@example.com")
    learn(tenant_id, [old, MASTER.make(tenant_id, KeyUse.DATA, 2)])
    anew = sealed(Person.email).resealed(tenant_id, person.id, person.email_sealed)
    assert (version_of(person.email_sealed), version_of(anew)) == (1, 2)
    person.email_sealed = anew
    assert person.email == "anna@example.com"


def test_statements_cannot_compare_plain_text_by_mistake() -> None:
    with pytest.raises(TypeError, match="matches"):
        _ = Person.email == "anna@example.com"
    with pytest.raises(AssertionError, match="nothing is found by name"):
        sealed(Person.name).matches(uuid4(), "Anna")


def test_statements_without_the_orm_seal_open_and_look_up() -> None:
    tenant_id, row_id = tenant_with(1), uuid4()
    kept = sealed(Person.email).seal(tenant_id, row_id, "anna@example.com")
    assert kept is not None
    assert sealed(Person.email).open(tenant_id, row_id, kept) == "anna@example.com"
    assert sealed(Person.email).index(tenant_id, "ANNA@example.com") == sealed(Person.email).index(
        tenant_id, "anna@example.com"
    )
    assert (sealed(Person.name).seal(tenant_id, row_id, None), sealed(Person.name).open(tenant_id, row_id, None)) == (
        None,
        None,
    )


@pytest.mark.parametrize(
    ("kind", "plain", "found"),
    [
        (any_case, " Anna@Example.COM", "anna@example.com"),
        (digits, "+49 (30) 12-34", "+49301234"),
        (digits, "030/1234", "0301234"),
        (mask_email, "anna@example.com", "a***@example.com"),
        (mask_email, "anna", "***"),
        (mask_phone, "+49 30 1234567", "***67"),
        (mask_phone, "1234", "***"),
        (mask_text, "Lovelace", "L***"),
        (mask_text, "Ada", "***"),
    ],
)
def test_spellings(kind: object, plain: str, found: str) -> None:
    assert kind(plain) == found  # type: ignore[operator]
