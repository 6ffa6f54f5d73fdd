"""Whoever sends a value of the wrong type is told so without it: error texts end up in other people's logs."""

from typing import Any

import pytest

from app.api.errors import without_values
from tests.support.api import Api

CANARY = "jane.canary@mail.example"
JOIN = "mutation($i: QueueJoinInput!) { queueJoin(input: $i) { __typename } }"
LOGIN = "mutation { userLogin(input: {%s}) { __typename } }"

WRONG_VARIABLES = [
    CANARY,
    # What is missing is said, and not what is there.
    {"contact": {"email": CANARY}},
    {"queueId": "q", "contact": CANARY},
    {"queueId": "q", "contact": {"email": [CANARY]}},
    {"queueId": "q", "contact": {"email": {CANARY: CANARY}}},
    {"queueId": {"id": CANARY}},
    {"queueId": "q", "partySize": CANARY},
    {"queueId": "q", "device": CANARY},
    {"queueId": "q", "device": {"device": CANARY}},
    {"queueId": "q", "usrIdentifier": CANARY},
]
WRONG_DOCUMENTS = [
    LOGIN % f'email: "{CANARY}"',
    LOGIN % f'email: ["{CANARY}"], password: 1',
    LOGIN % f'eMail: "{CANARY}"',
    f'mutation {{ queueJoin(input: "{CANARY}") {{ __typename }} }}',
    f'mutation {{ queueJoin(input: {{queueId: "q", partySize: "{CANARY}"}}) {{ __typename }} }}',
    f'mutation {{ queueJoin(input: {{queueId: "q", device: "{CANARY}"}}) {{ __typename }} }}',
    f'{{ "{CANARY}" }}',
    f'{{ """{CANARY}""" }}',
    f'{{ auditEntries(first: 1, filter: {{since: "{CANARY}"}}) {{ edges {{ cursor }} }} }}',
]


async def refused(api: Api, body: dict[str, Any]) -> str:
    response = await api.http.post("/graphql", json=body)
    answer = response.json()
    assert "data" not in answer or answer["data"] is None
    assert answer["errors"]
    assert answer["errors"][0]["extensions"]["code"] in (
        "BAD_USER_INPUT",
        "GRAPHQL_VALIDATION_FAILED",
        "GRAPHQL_PARSE_FAILED",
    )
    return response.text


@pytest.mark.parametrize("given", WRONG_VARIABLES)
async def test_variables_are_not_told_back(api: Api, given: object) -> None:
    assert "canary" not in await refused(api, {"query": JOIN, "variables": {"i": given}})


@pytest.mark.parametrize("document", WRONG_DOCUMENTS)
async def test_literals_are_not_told_back(api: Api, document: str) -> None:
    assert "canary" not in await refused(api, {"query": document})


def test_what_is_wrong_is_said_all_the_same() -> None:
    assert without_values("Variable '$i' has invalid value at .n: Int cannot represent non-integer value: 'x'") == (
        "Variable '$i' has invalid value at .n: Int cannot represent non-integer value."
    )
    assert without_values("Value 'REDD' does not exist in 'Colour' enum. Did you mean the enum value 'RED'?") == (
        "The value does not exist in 'Colour' enum. Did you mean the enum value 'RED'?"
    )
    assert without_values(
        "Expected value of type 'In' not to include unknown field 'nam'. Did you mean 'name'? Found: {'nam': 'x'}."
    ) == ("Expected value of type 'In' not to include unknown field 'nam'. Did you mean 'name'?")
