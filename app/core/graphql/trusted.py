"""Documents that are known: the operations of `frontend-contract`, by the SHA-256 of their texts. Who must use them is
not decided here.

A known document is recognised by what it asks for: layout, comments, the order of fragments and a client's own
`__typename` fields make it no other.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from graphql import (
    REMOVE,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    Node,
    OperationDefinitionNode,
    Visitor,
    VisitorAction,
    parse,
    print_ast,
    visit,
)

_MOST_TOKENS = 2_000
_REMEMBERED = 2_000


class TrustedDocuments:
    """Those of an installation."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self._texts = {document_id(text): text for text in texts}
        self._meanings = {_meaning(parse(text)) for text in texts}
        # A client adds a little; nobody gets us to read much to find out that we do not know it.
        self._longest = 2 * max(map(len, texts), default=0)
        self._recognised: OrderedDict[bytes, bool] = OrderedDict()

    @classmethod
    def in_folder(cls, folder: Path) -> "TrustedDocuments":
        """Every operation of the `*.graphql` files of a folder; none if there is no such folder."""
        return cls(list(operation_texts(folder)))

    @property
    def manifest(self) -> dict[str, str]:
        """Every text by its id."""
        return dict(sorted(self._texts.items()))

    def text(self, id: str) -> str | None:
        """The document of an id, which may say `sha256:` before the hexadecimal digits."""
        return self._texts.get(_digits(id))

    def __contains__(self, query: str) -> bool:
        """Whether a text is one of them, or says the same."""
        key = sha256(query.encode(errors="surrogatepass")).digest()
        found = self._recognised.get(key)
        if found is None:
            found = self._recognised[key] = self._is_known(query)
            if len(self._recognised) > _REMEMBERED:
                self._recognised.popitem(last=False)
        else:
            self._recognised.move_to_end(key)
        return found

    def _is_known(self, query: str) -> bool:
        if len(query) > self._longest:
            return False
        try:
            return _meaning(parse(query, max_tokens=_MOST_TOKENS)) in self._meanings
        except (GraphQLError, RecursionError):
            return False


def document_id(text: str) -> str:
    """The SHA-256 of a text, in hexadecimal digits."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def is_document_id(id: str, text: str) -> bool:
    """Whether an id, which may say `sha256:` before the digits, is that of a text."""
    return _digits(id) == document_id(text)


def operation_texts(folder: Path) -> Iterator[str]:
    """Each operation with the fragments it needs, by their names, printed as the reference implementation prints.

    So `frontend-contract/tools/persisted.ts` writes them into the manifest as well.
    """
    files = sorted(folder.glob("**/*.graphql"))
    definitions = [node for file in files for node in parse(file.read_text(encoding="utf-8")).definitions]
    fragments = {node.name.value: node for node in definitions if isinstance(node, FragmentDefinitionNode)}
    for node in definitions:
        if isinstance(node, OperationDefinitionNode):
            needed: set[str] = set()
            _follow(node, fragments, needed)
            yield "\n\n".join(print_ast(each) for each in (node, *(fragments[name] for name in sorted(needed)))) + "\n"


def _digits(id: str) -> str:
    return id.removeprefix("sha256:").lower()


def _follow(node: Node, fragments: dict[str, FragmentDefinitionNode], found: set[str]) -> None:
    class Spreads(Visitor):
        def enter_fragment_spread(self, spread: FragmentSpreadNode, *_: object) -> None:
            name = spread.name.value
            if name not in found:
                found.add(name)
                _follow(fragments[name], fragments, found)

    visit(node, Spreads())


class _WithoutTypenames(Visitor):
    def enter_field(self, node: FieldNode, *_: object) -> VisitorAction:
        plain = node.name.value == "__typename" and node.alias is None and not node.directives
        return REMOVE if plain else None


def _meaning(document: DocumentNode) -> str:
    stripped: DocumentNode = visit(document, _WithoutTypenames())
    return "\n".join(sorted(print_ast(each) for each in stripped.definitions))


NO_DOCUMENTS = TrustedDocuments()
"""Where nobody has said which are known."""
