"""The operation documents fit the schema and leave nothing out: no root field, no member of a result.

What the operations do is not tested here; most other tests send them.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

import orjson
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    concat_ast,
    get_named_type,
    is_abstract_type,
    parse,
    validate,
)

from app.api.documents.limits import Limits
from app.api.documents.measure import check_document
from app.api.documents.scan import has_more_tokens
from tests.contract.operations import FOLDER, documents, operation, operation_names
from tests.support.schemas import served_schema

SCHEMA: GraphQLSchema = served_schema()._schema

WHOLE = concat_ast(list(documents().values()))
FRAGMENTS = {node.name.value: node for node in WHOLE.definitions if isinstance(node, FragmentDefinitionNode)}
OPERATIONS = [node for node in WHOLE.definitions if isinstance(node, OperationDefinitionNode)]
MUTATIONS = [node for node in OPERATIONS if node.operation is OperationType.MUTATION]


def root_fields(kind: str) -> set[str]:
    """The root fields of one kind that some document selects."""
    return {
        selection.name.value
        for node in OPERATIONS
        if node.operation.value == kind
        for selection in node.selection_set.selections
        if isinstance(selection, FieldNode)
    }


def fields_by_type(selected: SelectionSetNode, parent: GraphQLNamedType) -> dict[str, set[str]]:
    """What a selection asks of each concrete type its value may have; names of the schema, not aliases."""
    concrete = SCHEMA.get_possible_types(parent) if is_abstract_type(parent) else [parent]
    found: dict[str, set[str]] = {type_.name: set() for type_ in concrete}
    for selection in selected.selections:
        match selection:
            case FieldNode():
                for names in found.values():
                    names.add(selection.name.value)
                continue
            case FragmentSpreadNode():
                fragment: Any = FRAGMENTS[selection.name.value]
            case _:
                assert isinstance(selection, InlineFragmentNode)
                fragment = selection
        on = SCHEMA.type_map[fragment.type_condition.name.value]
        for name, names in fields_by_type(fragment.selection_set, on).items():
            if name in found:
                found[name] |= names
    return found


def test_every_document_fits_the_schema() -> None:
    assert validate(SCHEMA, WHOLE) == []


def test_every_operation_has_a_name_of_its_own() -> None:
    assert [node for node in OPERATIONS if node.name is None] == []
    counted = Counter(node.name.value for node in OPERATIONS if node.name)
    assert {name: count for name, count in counted.items() if count > 1} == {}


@pytest.mark.parametrize("name", operation_names())
def test_an_operation_stands_alone_within_the_servers_limits(name: str) -> None:
    document: DocumentNode = parse(operation(name), max_tokens=Limits().tokens)
    assert validate(SCHEMA, document) == []
    # With room to spare: a front-end's next version may ask for more.
    half = Limits(**{limit: most // 2 for limit, most in asdict(Limits()).items()})
    assert check_document(document, half) == []
    assert not has_more_tokens(operation(name), half.tokens)


@pytest.mark.parametrize("kind", ["query", "mutation", "subscription"])
def test_every_root_field_has_a_document(kind: str) -> None:
    root = SCHEMA.get_root_type(OperationType(kind))
    assert root is not None
    assert set(root.fields) - root_fields(kind) == set()


@pytest.mark.parametrize("node", MUTATIONS, ids=lambda node: str(node.name and node.name.value))
def test_a_mutation_reads_every_member_of_its_result(node: OperationDefinitionNode) -> None:
    (field,) = [selection for selection in node.selection_set.selections if isinstance(selection, FieldNode)]
    assert SCHEMA.mutation_type is not None
    assert field.selection_set is not None
    result = get_named_type(SCHEMA.mutation_type.fields[field.name.value].type)
    assert isinstance(result, GraphQLUnionType)
    user_error = SCHEMA.type_map["UserError"]
    assert isinstance(user_error, GraphQLInterfaceType)
    asked = fields_by_type(field.selection_set, result)
    for member in result.types:
        assert "__typename" in asked[member.name]
        missing = set(member.fields) - asked[member.name]
        assert not missing, f"{node.name and node.name.value} does not read {missing} of {member.name}"
        if member.name.endswith("Error"):
            assert user_error in member.interfaces


def test_every_tab_has_its_variables_prepared() -> None:
    for file, document in documents().items():
        variables = [
            variable
            for node in document.definitions
            if isinstance(node, OperationDefinitionNode)
            for variable in node.variable_definitions or ()
        ]
        known = {variable.variable.name.value for variable in variables}
        needed = {
            variable.variable.name.value
            for variable in variables
            if isinstance(variable.type, NonNullTypeNode) and variable.default_value is None
        }
        prepared = file.with_suffix(".variables.json")
        given = set(orjson.loads(prepared.read_bytes())) if prepared.is_file() else set()
        assert needed <= given <= known, file.relative_to(FOLDER)
