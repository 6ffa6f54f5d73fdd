"""What makes a document a known one, and that both sides know the same."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from graphql import parse, print_ast

from app.core.graphql.trusted import TrustedDocuments

CONTRACT = Path(__file__).resolve().parents[2] / "frontend-contract"
KNOWN = "query Q($id: ID!) { queue(id: $id) { ...Parts name } }\nfragment Parts on Queue { id waitingCount }\n"


@pytest.fixture(scope="module")
def trusted() -> TrustedDocuments:
    return TrustedDocuments.in_folder(CONTRACT / "operations")


def test_the_manifest_of_the_front_ends_is_what_the_server_knows(trusted: TrustedDocuments) -> None:
    """`npm run generate` writes it; texts and ids are made by graphql-js there and by graphql-core here."""
    manifest = json.loads((CONTRACT / "generated" / "persisted-documents.json").read_text(encoding="utf-8"))
    assert {each["id"]: each["body"] for each in manifest["operations"]} == trusted.manifest
    assert all(sha256(each["body"].encode()).hexdigest() == each["id"] for each in manifest["operations"])
    assert len({each["name"] for each in manifest["operations"]}) == len(manifest["operations"]) > 50


def test_a_document_is_found_by_its_id(trusted: TrustedDocuments) -> None:
    for id, text in trusted.manifest.items():
        assert trusted.text(id) == trusted.text(f"sha256:{id}") == trusted.text(id.upper()) == text
        assert text in trusted
    assert trusted.text("0" * 64) is None
    assert trusted.text("") is None


@pytest.mark.parametrize(
    "same",
    [
        KNOWN,
        print_ast(parse(KNOWN)),
        f"# a comment\n{KNOWN}",
        "fragment Parts on Queue { id waitingCount } query Q($id: ID!) { queue(id: $id) { ...Parts, name } }",
        KNOWN.replace("name }", "name __typename }").replace("waitingCount", "waitingCount __typename"),
    ],
)
def test_layout_and_added_type_names_make_no_difference(same: str) -> None:
    assert same in TrustedDocuments([KNOWN])


@pytest.mark.parametrize(
    "other",
    [
        KNOWN.replace("name", "slug"),
        KNOWN.replace("name }", "name slug }"),
        KNOWN.replace("name }", "name: slug }"),
        KNOWN.replace("name }", "x: __typename name }"),
        KNOWN.replace("waitingCount", "waitingCount slug"),
        KNOWN.replace("($id: ID!)", "($id: ID!, $f: Boolean!)").replace("name", "name @include(if: $f)"),
        KNOWN.replace("$id: ID!)", '$id: ID! = "x")'),
        KNOWN.replace("query Q", "query R"),
        f"{KNOWN} query More {{ viewer {{ __typename }} }}",
        f"{KNOWN} fragment More on Queue {{ slug }}",
        KNOWN.replace("query", "mutation"),
        "",
        "{",
        "{ __typename }",
        "{" * 50_000,
        f"{KNOWN}{' ' * 500_000}",
        "{ \ud800 }",
    ],
)
def test_anything_else_is_another_document(other: str) -> None:
    assert other not in TrustedDocuments([KNOWN])


def test_what_was_looked_at_is_bounded() -> None:
    trusted = TrustedDocuments([KNOWN])
    for number in range(5_000):
        assert f"{{ f{number} }}" not in trusted
    assert KNOWN in trusted
    assert len(trusted._recognised) == 2_000
