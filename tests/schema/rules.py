"""What every schema of ours has to be like, as functions from a schema to the places that are not."""

import re
from collections.abc import Callable, Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
    is_specified_scalar_type,
)

from app.core.graphql.deprecation import dates_of, deprecations
from app.core.graphql.limited import Limited
from app.core.graphql.permissions import Access, Public
from app.identity.graphql.step_up import StepUp

Rule = Callable[[GraphQLSchema], Iterator[str]]

# Lists that do not grow without end, and what keeps them from it.
BOUNDED_LISTS = {
    "AccessCodeCreateSuccess.codes": "1,000",
    "AccessCodeRevokeInput.codeIds": "500",
    "AccessCodeRevokeSuccess.codes": "500",
    "AccessEntryAddInput.userIdentifiers": "1,000",
    "AccessEntryRemoveInput.userIdentifiers": "1,000",
    "ApiKey.scopes": "the enum",
    "AuditEntry.changes": "the columns of 20 rows",
    "AuditFilter.types": "20",
    "ApiKey.secrets": "6",
    "DashboardWidget.figures": "6",
    "DashboardWidget.queueIds": "100",
    "DashboardWidgetInput.figures": "6",
    "DashboardWidgetInput.queueIds": "100",
    "ReportRun.files": "one per language",
    "SavedDashboard.widgets": "40",
    "SavedDashboardCreateInput.widgets": "40",
    "SavedDashboardUpdateInput.widgets": "40",
    "SavedReport.queueIds": "100",
    "SavedReport.recipients": "50",
    "SavedReport.sections": "the enum",
    "SavedReportCreateInput.queueIds": "100",
    "SavedReportCreateInput.recipients": "50",
    "SavedReportCreateInput.sections": "the enum",
    "SavedReportUpdateInput.queueIds": "100",
    "SavedReportUpdateInput.recipients": "50",
    "SavedReportUpdateInput.sections": "the enum",
    "QueueAnalytics.abandonmentByPosition": "the classes",
    "QueueAnalytics.heatMap": "the hours of a week",
    "QueueAnalytics.peakHours": "3",
    "QueueAnalytics.points": "the longest period",
    "QueueAnalytics.slices": "100",
    "TenantDashboard.busiestQueues": "10",
    "ApiKeyCreateInput.scopes": "the enum",
    "ApiKeyUpdateInput.scopes": "the enum",
    "Counter.queues": "the input",
    "CounterCreateInput.queueIds": "100",
    "CounterUpdateInput.queueIds": "100",
    "CustomRole.permissions": "the enum",
    "CustomRoleCreateInput.permissions": "the enum",
    "CustomRoleUpdateInput.permissions": "the enum",
    "Display.queues": "the input",
    "DomainNotVerifiedError.found": "10",
    "EstimateAccuracy.predictors": "the predictors there are",
    "DisplayQueue.next": "10",
    "DisplayQueue.nowServing": "counters hold one session each",
    "IdentityProvider.directories": "20",
    "IdentityProvider.returnOrigins": "20",
    "IdentityProvider.roleRules": "100",
    "IdentityProvider.scopes": "20",
    "IdentityProviderCreateInput.directories": "20",
    "IdentityProviderCreateInput.returnOrigins": "20",
    "IdentityProviderCreateInput.roleRules": "100",
    "IdentityProviderCreateInput.scopes": "20",
    "IdentityProviderUpdateInput.directories": "20",
    "IdentityProviderUpdateInput.returnOrigins": "20",
    "IdentityProviderUpdateInput.roleRules": "100",
    "IdentityProviderUpdateInput.scopes": "20",
    "IllegalTransitionError.allowed": "the enum",
    "MessageProvider.channels": "the enum",
    "MessageProvider.credentialNames": "the kind's own",
    "MessageProviderCreateInput.channels": "the enum",
    "MessageProviderKind.channels": "the enum",
    "MessageProviderUpdateInput.channels": "the enum",
    "NotificationMarkReadInput.notificationIds": "100",
    "NotificationMarkReadSuccess.notifications": "the input",
    "NotificationBroadcast.channels": "the enum",
    "NotificationBroadcast.texts": "20",
    "NotificationBroadcastStartInput.channels": "the enum",
    "NotificationBroadcastStartInput.texts": "20",
    "NotificationFilter.channels": "the enum",
    "NotificationFilter.kinds": "the enum",
    "NotificationFilter.statuses": "the enum",
    "NotificationsState.edges": "100 are asked for at most",
    "NotificationDefaults.channels": "the enum",
    "NotificationDefaultsSetInput.channels": "the enum",
    "NotificationPreferences.channels": "the enum",
    "NotificationPreferencesInForce.channels": "the enum",
    "NotificationPreferencesSetInput.channels": "the enum",
    "NotificationTemplate.variables": "the product's own",
    "Query.notificationDelays": "channels and the business's providers",
    "BuiltInMessageRule.channels": "the enum",
    "MessageRule.channels": "the enum",
    "MessageRuleCreateInput.channels": "the enum",
    "MessageRuleUpdateInput.channels": "the enum",
    "AlertFilter.severities": "the enum",
    "AlertFilter.statuses": "the enum",
    "AlertRule.channels": "the enum",
    "AlertRule.userIds": "50",
    "AlertRuleCreateInput.channels": "the enum",
    "AlertRuleCreateInput.userIds": "50",
    "AlertRuleUpdateInput.channels": "the enum",
    "AlertRuleUpdateInput.userIds": "50",
    "OpenAlerts.alerts": "100",
    "OpenAlerts.raised": "100",
    "Query.alertRules": "100",
    "Query.builtInMessageRules": "the product's own",
    "Query.messageRules": "100",
    "PermissionsMissingError.permissions": "3",
    "PermissionNotGrantableError.permissions": "the enum",
    "Query.display(queueIds)": "20",
    "Query.identityProviders": "20",
    "Query.loginProviders": "20",
    "Query.deprecatedParts": "the schema",
    "Query.messageProviderKinds": "the product's, and its plug-ins'",
    "Query.messageProviders": "20",
    "Query.notificationTemplates": "kinds, channels and languages",
    "Query.integrationAdapters": "the product's, and its plug-ins'",
    "Query.integrations": "20",
    "InventedDemandInput.arrivalsPerHour": "168",
    "InventedDemandInput.priorities": "10",
    "QueueRecommendation.priorityCredits": "one per priority",
    "QueueRecommendations.recommendations": "6",
    "SimulateQueueInput.priorityCredits": "one per priority",
    "SimulateQueueInput.staffing": "24",
    "SimulatedWorld.hours": "24",
    "SessionCustomer.fields": "20",
    "Query.permissionMatrix": "the enum",
    "Queue.categories": "100",
    "Queue.siteOrigins": "50",
    "QueueCreateInput.siteOrigins": "50",
    "QueueUpdateInput.siteOrigins": "50",
    "BusinessHours.exceptions": "200",
    "BusinessHours.weekly": "10 a day",
    "HoursException.periods": "10",
    "HoursExceptionInput.periods": "10",
    "QueueSetHoursInput.exceptions": "200",
    "QueueSetHoursInput.weekly": "10 a day",
    "Queue.counters": "a business has so many counters",
    "Queue.priorityCredits": "one per priority",
    "QueueCreateInput.priorityCredits": "one per priority",
    "QueueSnapshot.nowServing": "counters hold one session each",
    "QueueSnapshot.waiting": "100",
    "QueueUpdateInput.priorityCredits": "one per priority",
    "RolePermissions.permissions": "the enum",
    "MethodUnavailableError.methods": "the enum",
    "StepUpRequiredError.methods": "the enum",
    "SecondFactorRequiredError.methods": "the enum",
    "SecondFactorStatus.factors": "one of each kind",
    "TenantSetSecondFactorPolicyInput.roles": "the enum",
    "LoginVerifySuccess.recoveryCodes": "10",
    "SecondFactorConfirmSuccess.recoveryCodes": "10",
    "SecondFactorRenewRecoveryCodesSuccess.recoveryCodes": "10",
    "TenantSettings.secondFactorRoles": "the enum",
    "ScopeNotGrantableError.scopes": "the enum",
    "Session.notes": "100",
    "Subscription.displayChanged(queueIds)": "20",
    "Query.webhookEventTypes": "the product's own",
    "JobOverview.loads": "one of each kind and lane",
    "JobOverview.periodicTasks": "the product's own",
    "UnknownEventTypesError.eventTypes": "20",
    "User.identities": "one per provider",
    "User.permissions": "the enum",
    "WebhookDelivery.attempts": "50",
    "WebhookEndpoint.eventTypes": "the product's own",
    "WebhookEndpoint.queueIds": "100",
    "WebhookEndpoint.secrets": "6",
    "WebhookEndpointCreateInput.eventTypes": "the product's own",
    "WebhookEndpointCreateInput.queueIds": "100",
    "WebhookEndpointUpdateInput.eventTypes": "the product's own",
    "WebhookEndpointUpdateInput.queueIds": "100",
}
_ACTIONS = re.compile(
    r"(tenant|tenantDomain|user|secondFactor|login|apiKey|customRole|password|email|phone|profile|invitation|originHealth|scheduledEvent|job|webhookEndpoint|webhookSecret|webhookDelivery|webhookRange|queue|queueCategory|counter|shift|session|admission|pushDevice|notification|notificationPreferences|notificationDefaults|notificationOptOut|notificationBroadcast|notificationTemplate|messageRule|savedDashboard|savedReport"
    r"|alertRule|alert|accessEntry|accessCode|person|retention|identityProvider|integration|userIdentity|messageProvider|export|import)"
    r"(Ping|Replay|Register|Confirm|RequestReset|Reset|Change|Invite|Accept|Enter|Renew|Leave|Verify|Confirm|SendCode|Enroll|StepUpSendCode|RenewRecoveryCodes|ResetSecondFactors|SetSecondFactorPolicy|Claim"
    r"|Create|Update|Suspend|Reactivate|Deactivate|Delete|Login|Refresh|Open|Pause|Resume|Close|StartMaintenance"
    r"|Archive|Start|End|Join|CallNext|Call|Recall|Complete|MarkNoShow|Cancel|ReturnToQueue|StepBack|Hold|Unhold"
    r"|Transfer|SetPriority|SetHours|UseAccessCode|AddNote|Add|Remove|StepUp|Set|Rotate|Revoke|Report|Exchange|StartLink|Link"
    r"|MarkRead|Unlink|Export|Erase|SetFee|SetFeedback|Rate|Acknowledge|Pay|Run|Test|Retry)"
)
# Says what it does without an object: whoever is signed in.
_BARE_ACTIONS = {"logout"}
_ID_WORD = re.compile(r"(^id|Id|Ids|_id)$")


def ours(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    """The types that are not GraphQL's own."""
    return [
        type_
        for name, type_ in schema.type_map.items()
        if not name.startswith("__") and not is_specified_scalar_type(type_)
    ]


def described(schema: GraphQLSchema) -> Iterator[str]:
    """Everything has a description."""
    for type_ in ours(schema):
        if not type_.description:
            yield type_.name
        for name, field in getattr(type_, "fields", {}).items():
            if not field.description:
                yield f"{type_.name}.{name}"
            for argument_name, argument in getattr(field, "args", {}).items():
                if not argument.description:
                    yield f"{type_.name}.{name}({argument_name})"
        if isinstance(type_, GraphQLEnumType):
            yield from (f"{type_.name}.{name}" for name, value in type_.values.items() if not value.description)


def access_declared(schema: GraphQLSchema) -> Iterator[str]:
    """Every root field says who may use it, once, and says so in its description."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    for root in filter(None, roots):
        for name, field in root.fields.items():
            found = [each for each in field.extensions["strawberry-definition"].extensions if isinstance(each, Access)]
            if len(found) != 1 or found[0].sentence not in (field.description or ""):
                yield f"{root.name}.{name}"


def danger_declared(schema: GraphQLSchema) -> Iterator[str]:
    """What needs a fresh proof is asked that after the permission, and can refuse in its result."""
    for name, field in _mutations(schema).items():
        declared = field.extensions.get("strawberry-definition")
        asked = [type(each) for each in declared.extensions] if declared is not None else []
        result = get_named_type(field.type)
        members = {each.name for each in result.types} if isinstance(result, GraphQLUnionType) else set()
        if (StepUp in asked) != ("StepUpRequiredError" in members):
            yield name
        # The last one in the list is asked first.
        if StepUp in asked and not any(issubclass(each, Access) for each in asked[asked.index(StepUp) :]):
            yield f"{name}: order"


def strangers_limited(schema: GraphQLSchema) -> Iterator[str]:
    """What anybody may change without signing in is counted by address. Signing out guesses at nothing."""
    for name, field in _mutations(schema).items():
        declared = field.extensions.get("strawberry-definition")
        kinds = [type(each) for each in declared.extensions] if declared is not None else []
        if Public in kinds and Limited not in kinds and name != "logout":
            yield name


def deprecations_dated(schema: GraphQLSchema) -> Iterator[str]:
    """What is deprecated says what to use instead, since when and until when: `app/core/graphql/deprecation.py`."""
    yield from (coordinate for coordinate, reason in deprecations(schema) if dates_of(reason) is None)


def one_input(schema: GraphQLSchema) -> Iterator[str]:
    """A mutation takes one required argument, `input`, of a type named after it."""
    for name, field in _mutations(schema).items():
        if {key: str(argument.type) for key, argument in field.args.items()} != {"input": f"{_title(name)}Input!"}:
            yield name


def one_result(schema: GraphQLSchema) -> Iterator[str]:
    """A mutation answers with a union named after it: its success first, then nothing but errors."""
    for name, field in _mutations(schema).items():
        result = get_nullable_type(field.type)
        if str(field.type) != f"{_title(name)}Result!" or not isinstance(result, GraphQLUnionType):
            yield name
            continue
        first, *rest = result.types
        if first.name != f"{_title(name)}Success":
            yield f"{name}: {first.name}"
        # One refusal at least: clients spread `... on UserError` over every result.
        if not rest:
            yield f"{name}: no refusal"
        yield from (f"{name}: {each.name}" for each in rest if not _is_error(each))


def success_carries_its_object(schema: GraphQLSchema) -> Iterator[str]:
    """What a mutation gives back stands under the object's own name, and nothing in it is null."""
    for field in _mutations(schema).values():
        result = get_nullable_type(field.type)
        for success in result.types[:1] if isinstance(result, GraphQLUnionType) else ():
            yield from (
                f"{success.name}.{key}"
                for key, value in success.fields.items()
                if not isinstance(value.type, GraphQLNonNull)
            )
            if not success.fields:
                yield success.name


def error_names(schema: GraphQLSchema) -> Iterator[str]:
    """What is named an error is one and the other way round, and every error can be met somewhere."""
    met = {each.name for type_ in ours(schema) if isinstance(type_, GraphQLUnionType) for each in type_.types}
    for type_ in ours(schema):
        if not isinstance(type_, GraphQLObjectType):
            continue
        if type_.name.endswith("Error") != _is_error(type_) or (_is_error(type_) and type_.name not in met):
            yield type_.name


def mutation_names(schema: GraphQLSchema) -> Iterator[str]:
    """`<object><Action>`, in words that are known."""
    for name in _mutations(schema):
        if not _ACTIONS.fullmatch(name) and name not in _BARE_ACTIONS:
            yield name


def names(schema: GraphQLSchema) -> Iterator[str]:
    """Types in PascalCase, inputs end with Input or Filter, fields and arguments in camelCase, values in CAPITALS."""
    for type_ in ours(schema):
        if not re.fullmatch(r"[A-Z][A-Za-z]*", type_.name):
            yield type_.name
        if isinstance(type_, GraphQLInputObjectType) and not type_.name.endswith(("Input", "Filter")):
            yield type_.name
        for name, field in getattr(type_, "fields", {}).items():
            for word in (name, *getattr(field, "args", {})):
                # Percentiles are called what everybody calls them: `sentP95Seconds`, `p50Seconds`.
                if not re.fullmatch(r"[a-z][A-Za-z]*(P(50|90|95)[A-Za-z]*)?|p(50|90|95)[A-Za-z]*", word):
                    yield f"{type_.name}.{word}"
        if isinstance(type_, GraphQLEnumType):
            words = r"([A-Z]+|P(50|90|95))(_([A-Z]+|P(50|90|95)))*"
            yield from (f"{type_.name}.{name}" for name in type_.values if not re.fullmatch(words, name))


def ids_are_ids(schema: GraphQLSchema) -> Iterator[str]:
    """What is named an id is an `ID`, and an `ID` is named an id; no UUID is ever shown."""
    for type_ in ours(schema):
        if type_.name == "UUID":
            yield type_.name
        for name, field in getattr(type_, "fields", {}).items():
            # An answer from outside, which is nothing of ours.
            if (type_.name, name) == ("Notification", "providerMessageId"):
                continue
            # What OAuth calls somebody's name for us.
            if name == "clientId":
                continue
            places = {name: field.type, **{key: each.type for key, each in getattr(field, "args", {}).items()}}
            for word, place in places.items():
                if bool(_ID_WORD.search(word)) != (get_named_type(place).name == "ID"):
                    yield f"{type_.name}.{name}: {word}"


def connections(schema: GraphQLSchema) -> Iterator[str]:
    """A list that can grow is a connection, asked for with `first`; what bounds any other list is written down."""
    for type_ in ours(schema):
        for name, field in getattr(type_, "fields", {}).items():
            place = f"{type_.name}.{name}"
            arguments = {key: each.type for key, each in getattr(field, "args", {}).items()}
            lists = {place: field.type, **{f"{place}({key})": each for key, each in arguments.items()}}
            is_page = type_.name.endswith("Connection") and name == "edges"
            yield from (
                each for each, found in lists.items() if _is_list(found) and not is_page and each not in BOUNDED_LISTS
            )
            if get_named_type(field.type).name.endswith("Connection"):
                asked = {key: str(each) for key, each in arguments.items() if key in ("first", "after")}
                if asked != {"first": "Int!", "after": "String"}:
                    yield f"{place}: {asked}"


def pages(schema: GraphQLSchema) -> Iterator[str]:
    """A connection has edges and a page's end, an edge a cursor and a node, and nothing of it is null."""
    for type_ in ours(schema):
        if isinstance(type_, GraphQLObjectType) and type_.name.endswith("Connection"):
            stem = type_.name.removesuffix("Connection")
            shape = {name: str(field.type) for name, field in type_.fields.items()}
            if shape != {"edges": f"[{stem}Edge!]!", "pageInfo": "PageInfo!"}:
                yield type_.name
            edge = schema.type_map[f"{stem}Edge"]
            assert isinstance(edge, GraphQLObjectType)
            if {name: str(field.type) for name, field in edge.fields.items()} != {
                "cursor": "String!",
                "node": f"{stem}!",
            }:
                yield edge.name


def whole_lists(schema: GraphQLSchema) -> Iterator[str]:
    """Lists hold no nulls."""
    for type_ in ours(schema):
        for name, field in getattr(type_, "fields", {}).items():
            inner = get_nullable_type(field.type)
            if isinstance(inner, GraphQLList) and not isinstance(inner.of_type, GraphQLNonNull):
                yield f"{type_.name}.{name}"


def feeds(schema: GraphQLSchema) -> Iterator[str]:
    """State feeds are named `<noun>Changed` and carry a revision; fact feeds are plural, or past participles."""
    root = schema.subscription_type
    for name, field in root.fields.items() if root is not None else ():
        shown = get_named_type(field.type)
        assert isinstance(shown, GraphQLObjectType)
        parts = [shown, *(get_named_type(each.type) for each in shown.fields.values())]
        # One's own messages are facts with ids, and have no other state than being read.
        if not any("revision" in getattr(part, "fields", {}) for part in parts) and name != "notificationReceived":
            yield f"{name} shows no revision"
        if not name.endswith(("Changed", "Events", "Raised", "Received")):
            yield name


RULES: dict[str, Rule] = {
    rule.__name__: rule
    for rule in (
        described,
        access_declared,
        danger_declared,
        one_input,
        one_result,
        success_carries_its_object,
        error_names,
        mutation_names,
        names,
        ids_are_ids,
        connections,
        pages,
        whole_lists,
        feeds,
        deprecations_dated,
        strangers_limited,
    )
}


def _mutations(schema: GraphQLSchema) -> dict[str, GraphQLField]:
    return dict(schema.mutation_type.fields) if schema.mutation_type is not None else {}


def _title(name: str) -> str:
    return name[0].upper() + name[1:]


def _is_error(type_: GraphQLObjectType) -> bool:
    return any(interface.name == "UserError" for interface in type_.interfaces)


def _is_list(type_: object) -> bool:
    return isinstance(type_.of_type if isinstance(type_, GraphQLNonNull) else type_, GraphQLList)
