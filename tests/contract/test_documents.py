"""What the pages for front-ends must not forget: every refusal, every code, every close code. Prose is not tested."""

import re
from pathlib import Path

import pytest
from graphql import GraphQLInterfaceType, parse, validate

from app.api import errors, sockets
from app.core.errors import CodedError
from tests.support.schemas import served_schema

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "frontend-contract" / "README.md").read_text(encoding="utf-8")
CLIENTS = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
CLOSE_ACTIONS = (ROOT / "frontend-contract" / "src" / "close-codes.ts").read_text(encoding="utf-8")

CLOSE_CODES = sorted(value for name, value in vars(sockets).items() if name.startswith("CLOSE_"))
ERROR_CODES = sorted(
    {errors.PARSE_FAILED, errors.VALIDATION_FAILED, errors.BAD_USER_INPUT, errors.INTERNAL}
    | {kind.code for kind in CodedError.__subclasses__()}
)


def refusals() -> list[str]:
    """Every member of a result union that is no success."""
    schema = served_schema()._schema
    user_error = schema.type_map["UserError"]
    assert isinstance(user_error, GraphQLInterfaceType)
    return sorted(kind.name for kind in schema.get_possible_types(user_error))


def examples() -> list[str]:
    """Every GraphQL document in the page: fenced ones, and those within commands and code."""
    fenced = re.findall(r"```graphql\n(.*?)```", CLIENTS, re.DOTALL)
    quoted = re.findall(r'"?query"?: "((?:query|mutation|subscription) [^"…]+)"', CLIENTS)
    return fenced + quoted


@pytest.mark.parametrize("document", examples())
def test_the_examples_fit_the_schema(document: str) -> None:
    assert validate(served_schema()._schema, parse(document)) == []


def test_the_examples_are_found() -> None:
    assert len(examples()) == 6


@pytest.mark.parametrize("name", refusals())
def test_every_refusal_says_what_to_do(name: str) -> None:
    rows = [row for row in README.splitlines() if row.startswith("|") and f"`{name}`" in row]
    assert len(rows) == 1
    assert len(rows[0].strip("|").split("|")[2].strip()) > 10


def test_no_refusal_is_described_that_does_not_exist() -> None:
    assert set(re.findall(r"`(\w+Error)`", README)) - set(refusals()) <= {"CombinedGraphQLErrors", "UserError"}


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_code_is_explained(code: str) -> None:
    assert f"`{code}`" in README
    assert f"`{code}`" in CLIENTS


@pytest.mark.parametrize("code", CLOSE_CODES)
def test_every_close_code_is_explained_and_answered(code: int) -> None:
    assert f"| {code} |" in CLIENTS
    assert f"{code}" in README
    # 1009 is the one mistake among the protocol's own codes, which have an answer of their own.
    assert f"  {code}: " in CLOSE_ACTIONS or code == sockets.CLOSE_TOO_LARGE
