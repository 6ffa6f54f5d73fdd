"""GraphiQL, served from our own files: no content delivery network, works offline.

Ready tabs come from operation documents on disk, with variables to fill in where the schema asks for them.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    Node,
    OperationDefinitionNode,
    Visitor,
    is_required_input_field,
    parse,
    print_ast,
    type_from_ast,
    visit,
)
from starlette.responses import HTMLResponse
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

_FILES = Path(__file__).parent / "static" / "graphiql"

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # The editor writes style attributes and sheets of its own.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self' data:",
        # Not every browser lets 'self' stand for the same host's websocket.
        "connect-src 'self' ws: wss:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_DEFAULT_QUERY = """# Welcome. Press the play button, or Ctrl-Enter, to run what stands here.
#
# The book icon on the left shows the schema. After a sign-in made here its access token is sent
# automatically; to be somebody else, put {"Authorization": "Bearer …"} under Headers below.

"""

_SAMPLES: Mapping[str, Any] = {"Int": 1, "Float": 1.0, "Boolean": False, "JSON": {}}


def graphiql_assets(path: str = "/graphql/assets") -> Mount:
    """The route of the page's scripts and styles."""
    return Mount(path, StaticFiles(directory=_FILES), name="graphiql-assets")


def graphiql_page(
    schema: GraphQLSchema, operations: Path | None = None, *, assets: str = "/graphql/assets"
) -> HTMLResponse:
    """The page, with a tab for each `*.graphql` file in the directory that holds an operation.

    A file `<name>.variables.json` beside it fills the tab's variables; without one they are made up from the schema.
    """
    tabs = list(_tabs(schema, operations)) if operations is not None and operations.is_dir() else []
    # In a script element only `<` can end the JSON early.
    settings = orjson.dumps({"tabs": tabs or None, "defaultQuery": _DEFAULT_QUERY}).decode().replace("<", "\\u003c")
    template = Template((_FILES / "page.html").read_text(encoding="utf-8"))
    return HTMLResponse(
        template.substitute(assets=assets, settings=settings),
        headers={
            "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        },
    )


def _tabs(schema: GraphQLSchema, operations: Path) -> Iterator[dict[str, str]]:
    texts = {file: file.read_text(encoding="utf-8").strip() + "\n" for file in sorted(operations.glob("**/*.graphql"))}
    documents = {file: parse(text) for file, text in texts.items()}
    fragments = {
        node.name.value: node
        for document in documents.values()
        for node in document.definitions
        if isinstance(node, FragmentDefinitionNode)
    }
    for file, document in documents.items():
        operation = next((node for node in document.definitions if isinstance(node, OperationDefinitionNode)), None)
        if operation is None:
            continue  # fragments only
        # A tab stands alone: what its document takes from other files comes along.
        missing = _fragments_used(document, fragments)
        tab = {"query": "\n".join([texts[file], *(print_ast(fragments[name]) + "\n" for name in missing)])}
        ready = file.with_suffix(".variables.json")
        if ready.is_file():
            tab["variables"] = ready.read_text(encoding="utf-8")
        elif variables := _variables(schema, operation):
            tab["variables"] = json.dumps(variables, indent=2)
        yield tab


def _fragments_used(document: DocumentNode, fragments: Mapping[str, FragmentDefinitionNode]) -> list[str]:
    """Names of the fragments a document needs and does not define, those they need included."""
    defined = {node.name.value for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    found: list[str] = []
    unread: list[Node] = [document]

    class Spreads(Visitor):
        def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
            name = node.name.value
            if name in fragments and name not in defined and name not in found:
                found.append(name)
                unread.append(fragments[name])

    while unread:
        visit(unread.pop(), Spreads())
    return found


def _variables(schema: GraphQLSchema, operation: OperationDefinitionNode) -> dict[str, Any]:
    """Values to fill in for an operation's variables."""
    values: dict[str, Any] = {}
    for definition in operation.variable_definitions or ():
        type_ = type_from_ast(schema, definition.type)
        if type_ is not None and definition.default_value is None:
            values[definition.variable.name.value] = _sample(type_)
    return values


def _sample(type_: GraphQLInputType | Any, depth: int = 0) -> Any:
    match type_:
        case GraphQLNonNull():
            return _sample(type_.of_type, depth)
        case GraphQLList():
            # Lists are where inputs may contain themselves.
            return [_sample(type_.of_type, depth + 1)] if depth < 3 else []
        case GraphQLEnumType():
            return next(iter(type_.values))
        case GraphQLInputObjectType():
            # Optional fields stay out: null may mean "clear this".
            required = {name: field for name, field in type_.fields.items() if is_required_input_field(field)}
            return {name: _sample(field.type, depth) for name, field in required.items()}
        case _:
            return _SAMPLES.get(type_.name, "")
