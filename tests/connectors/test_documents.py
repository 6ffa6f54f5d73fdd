"""The operations that connectors and the waiting page carry along are operations of this schema."""

import re
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.connectors.serving import CONNECTORS

ROOT = CONNECTORS.parents[1]
_DOCUMENT = re.compile(r"""("{3}|"|`)((?:query|mutation|subscription) \w+[^`]*?)\1""")
_CONSTANT = re.compile(r'const ([A-Z]+) = "([^"]*)";')
CARRIERS = {
    "asgi/virtual_queue_asgi/service.py": 5,
    "express/src/service.js": 5,
    "../../app/api/static/waiting/operations.js": 7,
}


def documents(file: Path) -> list[str]:
    """Every operation in a source file, complete."""
    source = file.read_text()
    constants = dict(_CONSTANT.findall(source))
    found = [match[2] for match in _DOCUMENT.finditer(source)]
    return [re.sub(r"\$\{(\w+)\}", lambda name: constants[name[1]], each) for each in found]


@pytest.mark.parametrize(("name", "count"), CARRIERS.items())
def test_documents_fit_the_schema(name: str, count: int) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    found = documents(CONNECTORS / name)
    assert len(found) == count
    for each in found:
        assert validate(schema, parse(each)) == [], each


def test_both_connectors_ask_the_same() -> None:
    asgi, express = (
        sorted(re.sub(r"\s+", " ", each) for each in documents(CONNECTORS / name)) for name in list(CARRIERS)[:2]
    )
    assert asgi == express
