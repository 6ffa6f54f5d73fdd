"""HubSpot as far as it matters: contacts that are searched and changed, by requests as its API reference has them."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.support.stand_ins.frame import Asked, Reply, StandIn

TOKEN = "pat-eu1-11111111-2222-3333-4444-555555555555"
_CONTACTS = "/crm/v3/objects/contacts"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Filter(_Strict):
    property: str = Field(alias="propertyName")
    operator: Literal["EQ"]
    value: str = Field(min_length=1)


class _Group(_Strict):
    filters: list[_Filter] = Field(min_length=1, max_length=6)


class _Search(_Strict):
    groups: list[_Group] = Field(alias="filterGroups", min_length=1, max_length=5)
    properties: list[str]
    limit: int = Field(ge=1, le=200)


class _Change(_Strict):
    properties: dict[str, str] = Field(min_length=1)


class HubSpotStandIn(StandIn):
    """Contacts by id."""

    def __init__(self) -> None:
        super().__init__()
        self.contacts: dict[str, dict[str, str]] = {}

    async def take(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.refuse("authentication", Reply.json({"category": "INVALID_AUTHENTICATION"}, 401))
        if asked.method == "GET" and asked.path == _CONTACTS:
            return Reply.json({"results": []})
        try:
            if asked.method == "POST" and asked.path == f"{_CONTACTS}/search":
                return self._found(_Search.model_validate(asked.json()))
            if asked.method == "PATCH" and (known := self.contacts.get(asked.path.rpartition("/")[2])) is not None:
                known |= _Change.model_validate(asked.json()).properties
                return Reply.json({"id": asked.path.rpartition("/")[2], "properties": known})
        except ValidationError as problem:
            return self.refuse("schema", Reply.json({"category": "VALIDATION_ERROR", "message": str(problem)}, 400))
        return self.refuse("address", Reply.json({"category": "OBJECT_NOT_FOUND"}, 404))

    def _found(self, search: _Search) -> Reply:
        results: list[dict[str, Any]] = [
            {"id": id, "properties": {name: known.get(name) for name in [*search.properties, "hs_object_id"]}}
            for id, known in self.contacts.items()
            if any(all(known.get(each.property) == each.value for each in group.filters) for group in search.groups)
        ]
        return Reply.json({"total": len(results), "results": results[: search.limit]})
