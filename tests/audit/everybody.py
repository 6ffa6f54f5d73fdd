"""A business whose people do what can be done, with the contract's operations; each answer has to be a success.

What each mutation has written is kept with it. Who may do what, and what comes of it, is tested elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from graphql import FieldNode, OperationDefinitionNode, OperationType

from app.core.clock import ManualClock
from app.core.ids import new_id
from app.identity.providers.models import ProofPurpose, ProviderProof
from app.identity.providers.secrets import hashed, new_code
from tests.accounts.people import newest, tenant_of
from tests.audit.ledger import Ledger, Written
from tests.contract.operations import documents, operation
from tests.support.api import PASSWORD, Api, Business, Caller, key_of
from tests.support.dns_server import Names
from tests.support.schema_walk import VALUES

AGENT = "Everybody/1.0"


@dataclass(frozen=True)
class Done:
    """A mutation that was answered with a success, and what was written meanwhile."""

    mutation: str
    request_id: str
    written: list[Written]


@dataclass
class Everybody:
    """The business, and all that was done in it so far."""

    api: Api
    clock: ManualClock
    ledger: Ledger
    names: Names
    business: Business
    operator: Caller
    done: list[Done] = field(default_factory=list)

    @property
    def admin(self) -> Caller:
        """Its administrator."""
        return self.business.admin

    @property
    def tenant_id(self) -> UUID:
        """Its key."""
        return tenant_of(self.business)

    async def do(self, who: Caller, mutation: str, **given: Any) -> Any:
        """The success's only object, or the whole success if it has several."""
        name, variable = operations()[mutation]
        # One thing after the other, for whatever is ordered by time.
        self.clock.advance(seconds=1)
        await self.ledger.take()
        response = await self.api.http.post(
            "/graphql",
            json={"query": operation(name), "variables": {variable: given}},
            headers={"user-agent": AGENT} | ({"authorization": f"Bearer {who.token}"} if who.token else {}),
        )
        body = response.json()
        assert "errors" not in body, (mutation, body)
        (answer,) = body["data"].values()
        assert answer.pop("__typename") == f"{mutation[0].upper()}{mutation[1:]}Success", (mutation, answer)
        self.done.append(Done(mutation, response.headers["x-request-id"], await self.ledger.take()))
        return next(iter(answer.values())) if len(answer) == 1 else answer

    async def code(self, address: str) -> str:
        """What was sent to an address last."""
        return (await newest(self.api, self.tenant_id, address)).code

    async def invitation(self, email: str) -> str:
        """What the mail of an invitation holds."""
        sent = await newest(self.api, self.tenant_id, email)
        return f"{sent.token}.{sent.code}"

    async def member(self, role: str, name: str) -> tuple[str, str]:
        """Another member of staff: id and address."""
        email = f"{name}@{self.business.slug}.example"
        user = await self.do(self.admin, "userCreate", email=email, password=PASSWORD, role=role)
        return user["id"], email

    async def sign_in(self, email: str) -> Any:
        """What signing in is answered with, whatever it is."""
        return await self.api.anonymous(
            operation("UserLogin"), input={"tenantSlug": self.business.slug, "email": email, "password": PASSWORD}
        )

    async def returned(self, purpose: ProofPurpose, provider: str, user: str) -> dict[str, str]:
        """As if a provider had just vouched for a user: the code their browser comes back with, and its verifier."""
        code = new_code(self.tenant_id)
        is_link = purpose is ProofPurpose.LINK
        async with self.api.runtime.dbs.system.write(self.tenant_id) as tx:
            tx.add(
                ProviderProof(
                    tenant_id=tx.tenant,
                    id=new_id(),
                    purpose=purpose,
                    provider_id=key_of("IdentityProvider", provider),
                    user_id=key_of("User", user),
                    code_hash=hashed(code),
                    challenge=VALUES["challenge"],
                    subject="anna-1" if is_link else None,
                    email="anna@home.example" if is_link else None,
                    created_at=tx.now(),
                    expires_at=tx.now() + timedelta(minutes=1),
                )
            )
        return {"code": code, "verifier": VALUES["verifier"]}


@cache
def operations() -> Mapping[str, tuple[str, str]]:
    """The contract's operation for each mutation, and its only variable."""
    found = {}
    for document in documents().values():
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode) and node.operation is OperationType.MUTATION:
                (selected,) = node.selection_set.selections
                (variable,) = node.variable_definitions or ()
                assert isinstance(selected, FieldNode)
                assert node.name is not None
                found[selected.name.value] = node.name.value, variable.variable.name.value
    return found
