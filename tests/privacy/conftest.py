"""A business with people whose data can be exported and erased, and the database as an administrator sees it."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from app.core.ids import Ref, parse
from app.privacy.work import work
from tests.audit.conftest import Tamper, tamper
from tests.contract.operations import operation
from tests.support.api import Business, Joined

__all__ = ["Tamper", "tamper"]

EMAIL = "jane.canary@mail.example"
PHONE = "+49 151 23450815"
IDENTIFIER = "canary-customer-4711"


@dataclass(frozen=True)
class Shop:
    """A business where one person, and a stranger, have left traces."""

    business: Business
    queue: str
    jane: Joined
    stranger: Joined
    account: str

    @property
    def tenant_id(self) -> UUID:
        return parse(self.queue)[1].tenant_id

    async def ask(self, name: str, **input: Any) -> dict[str, Any]:
        """The answer of an operation of the contract."""
        given = {"export": input} if name == "PersonExport" else {"input": input}
        answer: dict[str, Any] = await self.business.admin(operation(name), **given)
        return answer

    async def do(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do a request as its job does; as it is then."""
        ref = parse(request["id"])[1]
        runtime = self.business.api.runtime
        await work(runtime.dbs.system, runtime.authenticator.codes, *ref)
        return await self.look(ref)

    async def look(self, ref: Ref) -> dict[str, Any]:
        answer = await self.business.admin(operation("PrivacyRequestList"), first=100)
        (found,) = [edge["node"] for edge in answer["edges"] if parse(edge["node"]["id"])[1] == ref]
        return dict(found)

    async def done(self, name: str, **input: Any) -> dict[str, Any]:
        """Ask for it, and have it done."""
        answer = await self.ask(name, **input)
        assert answer["__typename"] == f"{name}Success", answer
        return await self.do(answer["request"])

    async def file(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the link of an export opens."""
        response = await self.business.api.http.get(request["downloadUrl"])
        assert response.status_code == 200, response.text
        return dict(response.json())


@pytest.fixture
async def shop(business: Business) -> Shop:
    queue = await business.queue()
    jane = await business.join(
        queue,
        userIdentifier=IDENTIFIER,
        contact={"email": EMAIL.title(), "phone": PHONE},
        metadata={"wish": "canary metadata"},
    )
    stranger = await business.join(queue, userIdentifier="somebody else", contact={"email": "other@mail.example"})
    for id, text in ((jane.id, "a canary note"), (stranger.id, "another note")):
        noted = await business.admin(
            "mutation($i: SessionAddNoteInput!) { sessionAddNote(input: $i) { __typename } }",
            i={"sessionId": id, "text": text},
        )
        assert noted == {"__typename": "SessionAddNoteSuccess"}
    await business.admin(
        "mutation($i: AccessEntryAddInput!) { accessEntryAdd(input: $i) { __typename } }",
        i={"queueId": queue, "kind": "BYPASS", "userIdentifiers": [IDENTIFIER, "somebody else"]},
    )
    account = await business.admin(
        "mutation($i: UserCreateInput!) { userCreate(input: $i) { ... on UserCreateSuccess { user { id } } } }",
        i={
            "email": EMAIL,
            "password": "correct horse battery",
            "role": "CUSTOMER",
            "firstName": "Canary",
            "phone": PHONE,
        },
    )
    await business.api.sign_in(business.slug, EMAIL)
    return Shop(business, queue, jane, stranger, account["user"]["id"])
