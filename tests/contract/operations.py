"""The documents of `frontend-contract/operations`, by operation name, each with the fragments it needs.

Tests send what front-ends send. Nothing here knows the schema.
"""

from functools import cache
from pathlib import Path

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    Node,
    OperationDefinitionNode,
    parse,
    print_ast,
    visit,
)
from graphql import Visitor as GraphQLVisitor

FOLDER = Path(__file__).resolve().parents[2] / "frontend-contract" / "operations"


def operation(name: str) -> str:
    """The document of one operation, complete: `operation("QueueJoin")`. `KeyError` if there is none."""
    return _texts()[name]


def operation_names() -> list[str]:
    """Every operation there is."""
    return list(_texts())


def documents() -> dict[Path, DocumentNode]:
    """Every file, parsed."""
    return {file: parse(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("**/*.graphql"))}


@cache
def _texts() -> dict[str, str]:
    definitions = [node for document in documents().values() for node in document.definitions]
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
    texts = {}
    for node in definitions:
        if isinstance(node, OperationDefinitionNode) and node.name is not None:
            needed = [fragments[name] for name in _needed(node, fragments)]
            texts[node.name.value] = "\n\n".join(print_ast(part) for part in (node, *needed))
    return texts


def _needed(node: Node, fragments: dict[str, FragmentDefinitionNode]) -> list[str]:
    found: list[str] = []

    class Spreads(GraphQLVisitor):
        def enter_fragment_spread(self, spread: FragmentSpreadNode, *_: object) -> None:
            name = spread.name.value
            if name not in found:
                found.append(name)
                visit(fragments[name], Spreads())

    visit(node, Spreads())
    return found
