"""Every root field of the served schema as something a test can call: its document, its arguments, its declared access.

Nothing is left out in silence: an argument nobody has said how to fill is an error, and so is an id of an unknown kind.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)

from app.core.errors import NotFound
from app.core.graphql.permissions import Access
from app.core.ids import parse
from tests.support.schemas import served_schema

Path = tuple[str, ...]

# What an id is an id of, by its name. `id` itself says nothing: there the field decides.
KINDS = {
    "codeIds": "AccessCode",
    "queueId": "Queue",
    "queueIds": "Queue",
    "toQueueId": "Queue",
    "counterId": "Counter",
    "sessionId": "Session",
    "categoryId": "QueueCategory",
    "scheduledEventId": "ScheduledEvent",
    "userId": "User",
    "loginId": "Login",
    "notificationIds": "ReceivedNotification",
    "notificationId": "Notification",
    "broadcastId": "NotificationBroadcast",
    "afterId": "ReceivedNotification",
    "invitationId": "Invitation",
    "apiKeyId": "ApiKey",
    "customRoleId": "CustomRole",
    "identityProviderId": "IdentityProvider",
    "integrationId": "Integration",
    "messageProviderId": "MessageProvider",
    "userIdentityId": "UserIdentity",
    "messageRuleId": "MessageRule",
    "alertRuleId": "AlertRule",
    "alertId": "Alert",
    "ruleId": "MessageRule",
    "userIds": "User",
    "tenantId": "Tenant",
    "actorId": "User",
    "objectId": "Queue",
    "endpointId": "WebhookEndpoint",
    "jobId": "Job",
    "exportId": "Export",
    "importId": "Import",
    "dashboardId": "SavedDashboard",
    "reportId": "SavedReport",
    "deliveryId": "WebhookDelivery",
}
KINDS_OF_ID = {"pushPublicKey": "Tenant", "queue": "Queue", "session": "Session", "node": "Queue"}

# Values for what has to be given, by its name; every one of them is acceptable.
VALUES: dict[str, Any] = {
    "userIdentifiers": ["somebody"],
    "accessCode": "7K2QF-9R0MX-T4W3H-PZ6DA",
    "code": "7K2QF-9R0MX-T4W3H-PZ6DA",
    "first": 5,
    "at": "2026-11-20T10:00:00Z",
    "slug": "some-slug",
    "channels": ["EMAIL"],
    "starts": "22:00",
    "ends": "07:00",
    "tenantSlug": "some-tenant",
    "kind": "SMTP",
    "name": "Some name",
    # Nobody is asked there: it is an internal network.
    "options": {"host": "127.0.0.1", "sender": "us@shop.example"},
    "credentials": {},
    "adapter": "HUBSPOT",
    "threshold": 0,
    "amount": 500,
    "currency": "EUR",
    "description": "Some description",
    "email": "somebody@example.com",
    "adminEmail": "somebody@example.com",
    "password": "a password nobody tries",
    "adminPassword": "a password nobody tries",
    "refreshToken": "vqr_unknown",
    "codeToken": "vqc_unknown",
    "invitation": "vqc_unknown.unknown",
    "phone": "+49 30 901820",
    "locale": "en",
    "currentPassword": "a password nobody tries",
    "opens": "09:00",
    "timeOfDay": "07:30",
    "x": 0,
    "y": 0,
    "width": 3,
    "height": 2,
    "closes": "17:00",
    "date": "2400-12-25",
    "startsAt": "2400-01-01T00:00:00Z",
    "endsAt": "2400-01-02T00:00:00Z",
    "priority": 1,
    "score": 4,
    "seconds": 1.5,
    "text": "Some text",
    "scopes": ["queue:read"],
    "permissions": ["queue:read"],
    "claim": "groups",
    "value": "some-group",
    "providerSlug": "some-provider",
    "recipient": "somebody@example.com",
    "returnUrl": "http://127.0.0.1:8000/graphql",
    "challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
    "verifier": "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    "subject": "Some subject",
    "body": "Some body",
    "token": "some-token",
    "proof": "a password nobody tries",
    "challengeToken": "vql_unknown",
    "replace": True,
    "domain": "queue.shop.example",
    "endpoint": "https://push.example/somebody",
    "publicKey": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
    "authSecret": "tBHItJI5svbpez7KI4CCXg",
    "url": "https://hooks.shop.example/queue",
    "arrivalsPerHour": [1.0],
    "serviceSeconds": 60.0,
    "weight": 1.0,
    "from": "2026-11-20T10:00:00Z",
    "to": "2026-11-20T11:00:00Z",
    "since": "2026-11-20T10:00:00Z",
    "until": "2026-11-20T11:00:00Z",
}


class Unknown(Exception):
    """The walk does not know how to fill this; add it to `KINDS` or `VALUES`."""


@dataclass(frozen=True)
class RootField:
    """One field of Query, Mutation or Subscription."""

    operation: str
    name: str
    field: GraphQLField

    def __str__(self) -> str:
        return self.name

    @property
    def access(self) -> Access | None:
        """Who may use it, as declared."""
        declared = [
            extension
            for extension in self.field.extensions["strawberry-definition"].extensions
            if isinstance(extension, Access)
        ]
        return declared[0] if len(declared) == 1 else None

    @property
    def ids(self) -> dict[Path, str]:
        """Every place for an id, required or not, and the kind of id that belongs there."""
        found = {}
        for path, type_ in self.leaves.items():
            if get_named_type(type_).name == "ID":
                kind = KINDS_OF_ID.get(self.name) if path == ("id",) else KINDS.get(path[-1])
                if kind is None:
                    raise Unknown(f"{self.name}: {'.'.join(path)}")
                found[path] = kind
        return found

    @property
    def leaves(self) -> dict[Path, GraphQLInputType]:
        """Every place for a value, however deep in inputs, and its type."""
        return {
            path: type_ for name, argument in self.field.args.items() for path, type_ in _leaves(argument.type, (name,))
        }

    def arguments(self, given: Mapping[Path, Any]) -> dict[str, Any]:
        """Variables: the values given, and acceptable ones for whatever else is required."""
        return {
            name: _filled(argument.type, (name,), given)
            for name, argument in self.field.args.items()
            if is_required_argument(argument) or any(path[0] == name for path in given)
        }

    def document(self, variables: Mapping[str, Any], depth: int = 1) -> str:
        """An operation that calls it and reads everything that can be read so deep."""
        chosen = selection(get_named_type(self.field.type), depth)
        if self.name == "node":
            # All kinds together have more tokens than a document may have: the one the id says it is of.
            kind = schema().type_map[_kind_in(variables.get("id"))]
            assert isinstance(kind, GraphQLObjectType)
            chosen = f"{{ __typename id ... on {kind.name} {selection(kind, depth)} }}"
        head = ", ".join(f"${name}: {self.field.args[name].type}" for name in variables)
        call = ", ".join(f"{name}: ${name}" for name in variables)
        return f"{self.operation}{f'({head})' if head else ''} {{ {self.name}{f'({call})' if call else ''} {chosen} }}"


def _kind_in(id: object) -> str:
    try:
        kind = parse(str(id))[0]
    except NotFound:
        kind = ""
    return kind if isinstance(schema().type_map.get(kind), GraphQLObjectType) else "Queue"


@cache
def schema() -> GraphQLSchema:
    """The schema as it is served."""
    return served_schema()._schema


def root_fields() -> list[RootField]:
    """Every field of the three roots."""
    roots = {
        "query": schema().query_type,
        "mutation": schema().mutation_type,
        "subscription": schema().subscription_type,
    }
    return [
        RootField(operation, name, field)
        for operation, root in roots.items()
        if root is not None
        for name, field in root.fields.items()
    ]


def selection(type_: GraphQLNamedType, depth: int) -> str:
    """A selection of all fields of a type that need no arguments, so many levels of objects deep."""
    if is_leaf_type(type_):
        return ""
    if isinstance(type_, GraphQLObjectType):
        return f"{{ __typename {_fields(type_, depth, {})} }}"
    assert isinstance(type_, GraphQLUnionType | GraphQLInterfaceType)
    members = schema().get_possible_types(type_)
    declared = _declared(members)
    chosen = [f"... on {member.name} {{ {_fields(member, depth, declared)} }}" for member in members]
    return f"{{ __typename {' '.join(chosen)} }}"


def required(field: GraphQLField) -> str:
    """What has to be given to a field below the roots, as it stands in a document."""
    given = {name: VALUES[name] for name, argument in field.args.items() if is_required_argument(argument)}
    return f"({', '.join(f'{name}: {json.dumps(value)}' for name, value in given.items())})" if given else ""


def _fields(type_: GraphQLObjectType, depth: int, declared: Mapping[str, str]) -> str:
    chosen = []
    for name, field in type_.fields.items():
        inner = get_named_type(field.type)
        needs = any(is_required_argument(argument) for argument in field.args.values())
        if needs or (depth == 0 and not is_leaf_type(inner)):
            continue
        alias = f"{type_.name}_{name}: " if declared.get(name, str(field.type)) != str(field.type) else ""
        chosen.append(f"{alias}{name} {selection(inner, depth - 1)}")
    return " ".join(chosen)


def _declared(members: Sequence[GraphQLObjectType]) -> dict[str, str]:
    """How most of these types declare a field: one answer holds one kind under one name, others need an alias."""
    declared: dict[str, Counter[str]] = {}
    for member in members:
        for name, field in member.fields.items():
            declared.setdefault(name, Counter())[str(field.type)] += 1
    return {name: kinds.most_common(1)[0][0] for name, kinds in declared.items()}


def _leaves(type_: GraphQLInputType, path: Path) -> Iterator[tuple[Path, GraphQLInputType]]:
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from _leaves(field.type, (*path, name))
    else:
        yield path, type_


def _filled(type_: GraphQLInputType, path: Path, given: Mapping[Path, Any]) -> Any:
    if path in given:
        return given[path]
    named = get_named_type(type_)
    if isinstance(named, GraphQLInputObjectType):
        return {
            name: _filled(field.type, (*path, name), given)
            for name, field in named.fields.items()
            if is_required_input_field(field) or any(other[: len(path) + 1] == (*path, name) for other in given)
        }
    if path[-1] in VALUES and not (isinstance(named, GraphQLEnumType) and isinstance(VALUES[path[-1]], str)):
        return VALUES[path[-1]]
    if isinstance(named, GraphQLEnumType):
        return next(iter(named.values))
    raise Unknown(".".join(path))
