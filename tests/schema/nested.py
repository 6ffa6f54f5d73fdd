"""Fields below the roots, and what each says about who may read it: in its description, where clients see it as well.

What a type has of its own row is shown to whoever is shown the object. A field with a resolver reaches further: it
names the permission it needs, or it is on the list of those that need none, with the reason.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

_PERMISSION = r"`([a-z-]+:[a-z]+)`"
_REFUSED = re.compile(rf"Needs the permission {_PERMISSION}")
_HIDDEN = re.compile(rf"(?:Null|Masked) without {_PERMISSION}(?: or {_PERMISSION})?")

# Fields with a resolver that need no permission of their own, and why. What is said here is tested elsewhere.
OPEN = {
    "AccessCode.code": "whoever may see the code's row may see the code",
    "AccessCode.queueId": "an id",
    "Admission.queueId": "an id",
    "Admission.sessionId": "an id",
    "Admission.token": "its visitor's: an admission is shown to nobody else but staff, and the token not even to them",
    "Admission.tokenExpiresAt": "a time of what is shown",
    "AnalyticsSlice.category": "part of the queue's public face",
    "AnalyticsSlice.counter": "counters have a public face: a name to go to",
    "AnalyticsSlice.user": "whoever may see the figures; a user shows by themselves what the asker may see",
    "DashboardQueue.queue": "queues have a public face",
    "QueueAnalytics.abandonmentByPosition": "whoever may see the figures may see how they come about",
    "QueueAnalytics.heatMap": "whoever may see the figures may see how they come about",
    "QueueAnalytics.peakHours": "whoever may see the figures may see how they come about",
    "QueueAnalytics.points": "whoever may see the figures may see how they come about",
    "QueueAnalytics.previous": "whoever may see the figures may see those before",
    "QueueAnalytics.queue": "queues have a public face",
    "QueueAnalytics.slices": "whoever may see the figures may see how they come about",
    "QueueAnalytics.total": "whoever may see the figures may see how they come about",
    "StaffPerformance.user": "whoever may see what they did; a user shows by themselves what the asker may see",
    "Alert.acknowledgedById": "an id; a user shows by themselves what the asker may see",
    "Alert.queue": "queues have a public face",
    "Alert.ruleId": "an id",
    "AlertRule.queue": "queues have a public face",
    "AlertRule.userIds": "ids; a user shows by themselves what the asker may see",
    "ApiKey.secrets": "how they begin; whoever may see the key may see that",
    "ApiKey.status": "derived from the row",
    "AuditActor.user": "whoever reads the audit; a user shows by themselves what the asker may see",
    "Counter.queues": "queues have a public face",
    "FairnessProof.participants": "hashes, published so that anybody can check the draw",
    "Invitation.status": "derived from the row",
    "IdentityProvider.redirectUri": "an address of ours; whoever may see the provider may see that",
    "IdentityProvider.roleRules": "derived from the row",
    "Export.downloadEndsAt": "when the file goes; whoever may see the export may see that",
    "Export.downloadUrl": "null for whoever may not see what is in the file: tests/transfers",
    "Export.queue": "queues have a public face",
    "Import.uploadUrl": "whoever may see the import may send its file",
    "Integration.callbackUrl": "an address of ours; whoever may see the integration may see that",
    "Integration.health": "whoever may see the integration may see how it is doing",
    "Queue.fee": "part of the queue's public face: a price",
    "Job.tenantId": "an id",
    "Notification.queue": "queues have a public face",
    "NotificationBroadcast.counts": "whoever may see the broadcast may see how far it is",
    "NotificationBroadcast.queue": "queues have a public face",
    "MessageProvider.callbackUrl": "an address of ours; whoever may see the provider may see that",
    "MessageProvider.health": "whoever may see the provider may see how it is doing",
    "MessageRule.queue": "queues have a public face",
    "NotificationTemplate.variables": "the product's own",
    "PrivacyRequest.downloadUrl": "whoever may see the request may fetch its file",
    "Queue.categories": "part of the queue's public face",
    "Queue.estimatedWaitP50Seconds": "part of the queue's public face",
    "Queue.estimatedWaitP90Seconds": "part of the queue's public face",
    "Queue.estimatedWaitReason": "part of the queue's public face",
    "Queue.feedback": "part of the queue's public face: what visitors are asked",
    "Queue.hours": "part of the queue's public face",
    "Queue.nextOpeningAt": "part of the queue's public face",
    "QueueSnapshot.line": "whoever may see the past queue may see its line",
    "Rating.session": "whoever may see the rating may see the visit",
    "ReportFile.downloadUrl": "whoever may see the run may fetch its files",
    "SavedReport.queueIds": "ids",
    "SavedReport.recipients": "ids; addresses are null without a permission: tests/reports",
    "SavedReport.runs": "whoever may see the report may see what came of it",
    "ScheduledEvent.queue": "queues have a public face",
    "Session.category": "part of the queue's public face",
    "Session.counter": "counters have a public face: a name to go to",
    "Session.estimatedWaitP50Seconds": "as its position: of its place alone",
    "Session.estimatedWaitP90Seconds": "as its position: of its place alone",
    "Session.estimatedWaitReason": "as its position: of its place alone",
    "Session.queue": "queues have a public face",
    "Session.queueId": "an id",
    "Shift.counter": "counters have a public face",
    "User.firstName": "for colleagues: null for everybody else, see the type",
    "User.lastName": "for colleagues: null for everybody else, see the type",
    "User.role": "for colleagues: null for everybody else, see the type",
    "User.status": "for colleagues: null for everybody else, see the type",
    "User.tenant": "tenants have a public face",
    "UserIdentity.providerKind": "providers have a public face: a button",
    "UserIdentity.providerName": "providers have a public face: a button",
    "Visitor.session": "the one the token is of",
    "WebhookDelivery.attempts": "whoever may see the delivery may see its tries",
    "WebhookDelivery.endpoint": "whoever may see deliveries may see endpoints",
    "WebhookDelivery.request": "whoever may see the delivery may see what is sent: no personal data",
    "WebhookEndpoint.health": "whoever may see the endpoint may see how it does",
    "WebhookEndpoint.queueIds": "ids",
    "WebhookEndpoint.secrets": "when they were made; whoever may see the endpoint may see that",
}


@dataclass(frozen=True)
class Nested:
    """A field below the roots that names permissions."""

    parent: GraphQLObjectType
    name: str
    field: GraphQLField
    # Any of them will do.
    permissions: frozenset[str]
    # Refused with an error, not hidden behind null or a mask.
    is_refused: bool

    def __str__(self) -> str:
        return f"{self.parent.name}.{self.name}"


def resolved_fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLObjectType, str, GraphQLField]]:
    """Every field below the roots that is more than a value of its object."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType) or type_ in roots or type_.name.startswith("__"):
            continue
        for name, field in type_.fields.items():
            definition = field.extensions.get("strawberry-definition")
            # The id of an object is taken from its keys, which no schema shows.
            if name != "id" and definition is not None and definition.base_resolver is not None:
                yield type_, name, field


def declared(schema: GraphQLSchema) -> Iterator[Nested]:
    """The fields that name a permission."""
    for parent, name, field in resolved_fields(schema):
        description = field.description or ""
        if refused := _REFUSED.search(description):
            yield Nested(parent, name, field, frozenset({refused.group(1)}), is_refused=True)
        elif hidden := _HIDDEN.search(description):
            yield Nested(parent, name, field, frozenset(filter(None, hidden.groups())), is_refused=False)


def undeclared(schema: GraphQLSchema) -> Iterator[str]:
    """Fields with a resolver that say nothing about who may read them, and what is on the list and need not be."""
    named = {str(each) for each in declared(schema)}
    there = {f"{parent.name}.{name}" for parent, name, _ in resolved_fields(schema)}
    yield from sorted(there - named - OPEN.keys())
    yield from sorted(f"{name} is on the list of open fields" for name in OPEN.keys() & named | OPEN.keys() - there)
