"""HubSpot, by its CRM API v3: contacts are found by e-mail address or phone number, and their properties are set.

Contacts are not created: somebody who waits in a line has not asked to become one.
"""

from typing import Annotated

import orjson
from pydantic import Field as Rule
from pydantic import SecretStr

from app.integrations.adapters.asking import ask, strange
from app.integrations.adapters.interface import Crm, Customer, Field, Person, Settings, Visit
from app.integrations.adapters.values import HttpAddress, VisitValue

PropertyName = Annotated[str, Rule(pattern=r"^[a-z0-9_]{1,100}$")]
_NAMES = ("firstname", "lastname")


class HubSpotOptions(Settings):
    """What is asked for, and what is written."""

    base_url: HttpAddress = Rule(default="https://api.hubapi.com", description="Where HubSpot's API is.")
    account_id: Annotated[str, Rule(pattern=r"^[0-9]{1,20}$")] | None = Rule(
        default=None, description="The account's number, for links to contacts. Default: no links."
    )
    show: list[PropertyName] = Rule(
        default=["company", "lifecyclestage"],
        max_length=20,
        description="Properties of a contact that staff are shown, at most 20.",
    )
    write: dict[PropertyName, VisitValue] = Rule(
        default={},
        max_length=20,
        description="What is written to a contact when somebody joins and is served: property to value of the visit.",
    )


class HubSpotCredentials(Settings):
    """Of a private app with the scopes `crm.objects.contacts.read` and `.write`."""

    access_token: SecretStr = Rule(min_length=1, max_length=500, description="The private app's access token.")


class HubSpot(Crm[HubSpotOptions, HubSpotCredentials]):
    """See the module."""

    name, title = "HUBSPOT", "HubSpot"
    Options, Credentials = HubSpotOptions, HubSpotCredentials

    async def check(self) -> str:
        """As `Adapter`."""
        await self._ask("GET", "?limit=1")
        return "HubSpot lets us read contacts."

    async def find(self, person: Person) -> Customer | None:
        """As `Crm`."""
        groups = [
            {"filters": [{"propertyName": name, "operator": "EQ", "value": value}]}
            for name, value in (("email", person.email), ("phone", person.phone))
            if value is not None
        ]
        # One after the other: filters of one request are no order, and the address says more than the number.
        for group in groups:
            body = {"filterGroups": [group], "properties": [*_NAMES, *self.options.show], "limit": 1}
            found = await self._ask("POST", "/search", body)
            if not isinstance(found, dict) or not isinstance(results := found.get("results"), list):
                raise strange("results")
            if results:
                return self._customer(results[0])
        return None

    async def update(self, customer_id: str, visit: Visit) -> None:
        """As `Crm`."""
        written = {name: visit[value] for name, value in self.options.write.items() if value in visit}
        if written:
            await self._ask("PATCH", f"/{customer_id}", {"properties": written})

    def _customer(self, found: object) -> Customer:
        if not isinstance(found, dict) or not str(id := found.get("id", "")).isdigit():
            raise strange("contact")
        properties = found.get("properties")
        if not isinstance(properties, dict):
            raise strange("properties")
        name = " ".join(str(properties[key]) for key in _NAMES if properties.get(key))
        account = self.options.account_id
        return Customer(
            id=str(id),
            name=name[:200] or None,
            url=None if account is None else f"https://app.hubspot.com/contacts/{account}/contact/{id}",
            fields=[
                Field(key, str(properties[key])[:500])
                for key in self.options.show
                if properties.get(key) not in (None, "")
            ],
        )

    async def _ask(self, method: str, path: str, body: dict[str, object] | None = None) -> object:
        headers = {"Authorization": f"Bearer {self.credentials.access_token.get_secret_value()}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        url = f"{self.options.base_url}/crm/v3/objects/contacts{path}"
        sent = b"" if body is None else orjson.dumps(body)
        found: object = await ask(method, url, headers, sent, allowed=self.around.allowed)
        return found
