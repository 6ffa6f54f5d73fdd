"""Any CRM that answers with JSON over HTTP: where to ask and what means what are options. No code for each of them."""

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote

import orjson
from pydantic import Field as Rule
from pydantic import SecretStr, model_validator

from app.integrations.adapters.asking import ask, strange
from app.integrations.adapters.interface import AdapterFailed, Crm, Customer, Field, Person, Settings, Visit
from app.integrations.adapters.values import HttpAddress, VisitValue

Path = Annotated[str, Rule(pattern=r"^/[\x21-\x7e]{0,299}$")]
Place = Annotated[str, Rule(pattern=r"^[A-Za-z0-9_-]{1,60}(\.[A-Za-z0-9_-]{1,60}){0,5}$")]
Name = Annotated[str, Rule(min_length=1, max_length=80)]
_PLACEHOLDER = re.compile(r"\{([a-z]*)\}")
_PERSON = ("email", "phone", "identifier")


class RestOptions(Settings):
    """How the system is asked, and where in its answers things stand (`address.city` looks inside)."""

    base_url: HttpAddress = Rule(description="Where the system is.")
    find_path: Path = Rule(
        description=(
            "What is asked to find somebody: `{email}`, `{phone}` and `{identifier}` are filled in, encoded. If it "
            "names one of them, it is asked where the visitor has given that; otherwise with those they have not empty."
        )
    )
    list_at: Place | None = Rule(
        default=None, description="Where the list of those found stands. Default: the answer is the list or the one."
    )
    id_at: Place = Rule(default="id", description="Where a customer's id stands. Default: `id`.")
    name_at: Place | None = Rule(default="name", description="Where the name stands. Default: `name`.")
    url_at: Place | None = Rule(
        default=None, description="Where the address of a page for staff stands. Default: none."
    )
    show: dict[Name, Place] = Rule(
        default={}, max_length=20, description="What staff are shown: label to where it stands, at most 20."
    )
    update_method: Literal["PATCH", "PUT", "POST"] = Rule(default="PATCH", description="How a visit is written.")
    update_path: Path | None = Rule(
        default=None, description="Where a visit is written, with `{id}`. Default: nothing is written."
    )
    write: dict[Name, VisitValue] = Rule(
        default={}, max_length=20, description="What is written: their field to value of the visit, at most 20."
    )
    check_path: Path = Rule(default="/", description="What a test asks for, by GET. Default: `/`.")
    header: Annotated[str, Rule(pattern=r"^[A-Za-z0-9-]{1,60}$")] = Rule(
        default="Authorization", description="The header the credential is sent in. Default: `Authorization`."
    )

    @model_validator(mode="after")
    def _paths_fit(self) -> Self:
        asked = _PLACEHOLDER.findall(self.find_path)
        if not asked or set(asked) - set(_PERSON):
            raise ValueError("find_path names one or more of {email}, {phone} and {identifier}, and nothing else")
        if self.update_path is not None and _PLACEHOLDER.findall(self.update_path) != ["id"]:
            raise ValueError("update_path names {id}, once, and nothing else")
        return self


class RestCredentials(Settings):
    """What the header says."""

    secret: SecretStr = Rule(
        min_length=1, max_length=2000, description="The whole header's value, e.g. `Bearer …`; shown to nobody again."
    )


class RestCrm(Crm[RestOptions, RestCredentials]):
    """See the module."""

    name, title = "REST", "Any CRM with a REST API"
    Options, Credentials = RestOptions, RestCredentials

    async def check(self) -> str:
        """As `Adapter`."""
        await self._ask("GET", self.options.check_path)
        return "The system answers, and accepts the credential."

    async def find(self, person: Person) -> Customer | None:
        """As `Crm`."""
        given = {"email": person.email, "phone": person.phone, "identifier": person.identifier}
        asked = _PLACEHOLDER.findall(self.options.find_path)
        if not any(given[name] for name in asked):
            return None
        path = _PLACEHOLDER.sub(lambda each: quote(given[each[1]] or "", safe=""), self.options.find_path)
        found = await self._ask("GET", path, missing_is_none=True)
        if self.options.list_at is not None:
            found = _at(found, self.options.list_at)
        if isinstance(found, list):
            found = found[0] if found else None
        return None if found is None else self._customer(found)

    async def update(self, customer_id: str, visit: Visit) -> None:
        """As `Crm`."""
        options = self.options
        written = {name: visit[value] for name, value in options.write.items() if value in visit}
        if options.update_path is not None and written:
            path = options.update_path.replace("{id}", quote(customer_id, safe=""))
            await self._ask(options.update_method, path, body=orjson.dumps(written))

    def _customer(self, found: Any) -> Customer:
        id = _text(_at(found, self.options.id_at), 200)
        if id is None:
            raise strange("id")
        shown = {name: _text(_at(found, place), 500) for name, place in self.options.show.items()}
        url = self.options.url_at and _text(_at(found, self.options.url_at), 500)
        return Customer(
            id=id,
            name=self.options.name_at and _text(_at(found, self.options.name_at), 200),
            # Somebody will click on it.
            url=url if url and url.startswith("https://") else None,
            fields=[Field(name, value) for name, value in shown.items() if value is not None],
        )

    async def _ask(self, method: str, path: str, *, body: bytes = b"", missing_is_none: bool = False) -> Any:
        secret = self.credentials.secret.get_secret_value()
        if not secret.isascii() or not secret.isprintable():
            raise AdapterFailed("The credential cannot stand in a header.", is_refusal=True)
        headers = {self.options.header: secret} | ({"Content-Type": "application/json"} if body else {})
        url = self.options.base_url + path
        return await ask(method, url, headers, body, allowed=self.around.allowed, missing_is_none=missing_is_none)


def _at(found: Any, place: str) -> Any:
    for name in place.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def _text(found: Any, most: int) -> str | None:
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, str | int | float) and str(found):
        return str(found)[:most]
    return None
