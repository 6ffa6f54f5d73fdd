"""The worst documents are refused, and for a reason: what they cost is measured by `python -m bench.hostile`."""

import pytest

from bench.hostile.documents import MOST_BYTES, documents
from tests.support.schemas import served_schema

SCHEMA = served_schema()
WORST = documents(SCHEMA._schema)


@pytest.mark.parametrize("name", WORST)
async def test_it_is_refused(name: str) -> None:
    assert len(WORST[name]) <= MOST_BYTES
    result = await SCHEMA.execute(WORST[name])
    assert result.data is None
    codes = {error.extensions["code"] for error in result.errors or () if error.extensions}
    assert codes in ({"GRAPHQL_VALIDATION_FAILED"}, {"GRAPHQL_PARSE_FAILED"})
