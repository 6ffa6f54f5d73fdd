"""Ten thousand documents that a machine made up: no 500, no crash, nothing of anybody else's.

Whoever sends them has no business in the tenant whose ids stand in them. A failure names the number that made it.
"""

import json
import logging
from collections import Counter

import pytest

from app.api.documents.weights import PASSWORD, WEIGHTS
from tests.hostile.generated import Documents
from tests.hostile.test_documents import REFUSALS
from tests.support.api import Api
from tests.support.bare import post
from tests.support.holdings import Holdings, holdings
from tests.support.schema_walk import schema

DOCUMENTS = 10_000
BATCH = 1_000
CODES = REFUSALS | {"UNAUTHENTICATED"}
# Each hashes a password, whatever it is given; or folds a log.
SLOW = {place for place, points in WEIGHTS.items() if points in (PASSWORD, 2 * PASSWORD)}


@pytest.fixture(scope="module")
async def mine(api: Api) -> Holdings:
    return await holdings(api)


@pytest.fixture(scope="module")
async def theirs(api: Api) -> Holdings:
    return await holdings(api)


@pytest.mark.parametrize("first", range(0, DOCUMENTS, BATCH))
async def test_documents(
    api: Api, mine: Holdings, theirs: Holdings, first: int, caplog: pytest.LogCaptureFixture
) -> None:
    words = [theirs.business.slug, theirs.queue_slug, f"{theirs.secret}@private.example", f"waiting {theirs.secret}"]
    documents = Documents(schema(), list(theirs.ids.values()), words, SLOW)
    tokens = [None, mine.admin.token, mine.waiting.visitor.token]
    seen: Counter[str] = Counter()
    for number in range(first, first + BATCH):
        text, variables = documents.document(number)
        body = json.dumps({"query": text, "variables": variables})
        status, answer = await post(api.app, body.encode(), tokens[number % len(tokens)])
        assert status in (200, 400), (number, status, answer[:300])
        told = json.loads(answer)
        codes = {error["extensions"]["code"] for error in told.get("errors", [])}
        assert codes <= CODES, (number, text, told)
        # What somebody sends comes back in messages at times; whatever else of a person is shown is a leak.
        leaked = theirs.secret in answer.replace(words[2], "").replace(words[3], "")
        assert not leaked, (number, text, variables, answer[:2_000])
        seen["answered" if not codes else "partly" if told.get("data") else "refused"] += 1
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    # A generator whose documents are all refused would prove nothing.
    assert seen["answered"] > BATCH / 10, seen
    assert seen["refused"] > BATCH / 10, seen
