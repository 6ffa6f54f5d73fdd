"""The one schema: every feature's roots merged, every node kind known, limits and errors attached. Assembly only."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.types import get_object_definition

from app.access.graphql import queries as access
from app.access.graphql.mutations import AccessMutation
from app.admission.graphql.health.mutations import OriginHealthMutation
from app.admission.graphql.mutations import AdmissionMutation
from app.admission.graphql.subscriptions import AdmissionSubscription
from app.alerts.graphql import queries as alerts
from app.alerts.graphql.mutations import AlertMutation
from app.analytics.graphql.queries import AnalyticsQuery
from app.analytics.graphql.subscriptions import AnalyticsSubscription
from app.api.documents import Limits
from app.api.execution import ServedSchema
from app.audit.graphql.queries import AuditQuery
from app.context import Context, Info
from app.core.errors import NotFound
from app.core.graphql.errors import exception_handlers
from app.core.graphql.node import IdArgument, Node
from app.core.graphql.permissions import Checked
from app.core.ids import Ref, parse
from app.counters.graphql import queries as counters
from app.counters.graphql.mutations import CounterMutation
from app.deprecations.graphql.queries import DeprecationQuery
from app.identity.graphql import queries as identity
from app.identity.graphql.accounts import queries as accounts
from app.identity.graphql.accounts.mutations import AccountMutation
from app.identity.graphql.api_keys import queries as api_keys
from app.identity.graphql.api_keys.mutations import ApiKeyMutation
from app.identity.graphql.factors.having import SecondFactorMutation
from app.identity.graphql.factors.mutations import SecondFactorLoginMutation
from app.identity.graphql.mutations import IdentityMutation
from app.identity.graphql.providers import queries as providers
from app.identity.graphql.providers.mutations import ProviderMutation
from app.identity.graphql.roles import queries as roles
from app.identity.graphql.roles.mutations import CustomRoleMutation
from app.integrations.graphql import queries as integrations
from app.integrations.graphql.mutations import IntegrationMutation
from app.jobs.graphql import queries as jobs
from app.jobs.graphql.mutations import JobMutation
from app.notifications.graphql import queries as notifications
from app.notifications.graphql.broadcasts import fields as broadcasts
from app.notifications.graphql.deliveries import fields as deliveries
from app.notifications.graphql.devices import queries as push_devices
from app.notifications.graphql.devices.mutations import PushDeviceMutation
from app.notifications.graphql.inbox import fields as inbox
from app.notifications.graphql.mutations import NotificationMutation
from app.notifications.graphql.preferences.mutations import NotificationPreferencesMutation
from app.notifications.graphql.preferences.queries import NotificationPreferencesQuery
from app.notifications.graphql.providers import queries as message_providers
from app.notifications.graphql.providers.mutations import MessageProviderMutation
from app.notifications.graphql.rules import queries as message_rules
from app.notifications.graphql.rules.mutations import MessageRuleMutation
from app.privacy.graphql import queries as privacy
from app.privacy.graphql.mutations import PrivacyMutation
from app.queues.graphql import queries as queues
from app.queues.graphql.mutations import QueueMutation
from app.ratings.graphql import loaders as ratings
from app.ratings.graphql.mutations import RatingMutation
from app.reports.graphql import queries as reports
from app.reports.graphql.mutations import ReportMutation
from app.schedules.graphql import queries as schedules
from app.schedules.graphql.mutations import ScheduleMutation
from app.sessions.graphql import queries as sessions
from app.sessions.graphql.mutations import SessionMutation
from app.sessions.graphql.subscriptions import SessionSubscription
from app.sessions.graphql.waits import WaitQuery
from app.settings import Settings
from app.simulation.graphql.queries import SimulationQuery
from app.tenants.graphql import queries as tenants
from app.tenants.graphql.domains.mutations import TenantDomainMutation
from app.tenants.graphql.mutations import TenantMutation
from app.transfers.graphql import exports, imports
from app.webhooks.graphql import queries as webhooks
from app.webhooks.graphql.mutations import WebhookMutation

NodeResolver = Callable[[Context, Ref], Awaitable[Any]]

NODES: Mapping[str, NodeResolver] = {
    **tenants.NODES,
    **identity.NODES,
    **accounts.NODES,
    **api_keys.NODES,
    **providers.NODES,
    **roles.NODES,
    **queues.NODES,
    **access.NODES,
    **schedules.NODES,
    **counters.NODES,
    **sessions.NODES,
    **deliveries.NODES,
    **broadcasts.NODES,
    **push_devices.NODES,
    **inbox.NODES,
    **message_rules.NODES,
    **message_providers.NODES,
    **integrations.NODES,
    **webhooks.NODES,
    **ratings.NODES,
    **alerts.NODES,
    **exports.NODES,
    **imports.NODES,
    **reports.NODES,
    **privacy.NODES,
    **jobs.NODES,
}


# What is seen by the platform alone, in whichever tenant.
PLATFORM_NODES: Mapping[str, NodeResolver] = jobs.NODES


@strawberry.type(description="Everything that can be read.")
class Query(
    tenants.TenantQuery,
    identity.IdentityQuery,
    accounts.AccountQuery,
    api_keys.ApiKeyQuery,
    providers.ProviderQuery,
    roles.CustomRoleQuery,
    queues.QueueQuery,
    access.AccessQuery,
    schedules.ScheduleQuery,
    counters.CounterQuery,
    sessions.SessionQuery,
    WaitQuery,
    notifications.NotificationQuery,
    deliveries.DeliveryQuery,
    broadcasts.BroadcastQuery,
    push_devices.PushDeviceQuery,
    inbox.InboxQuery,
    NotificationPreferencesQuery,
    message_rules.MessageRuleQuery,
    message_providers.MessageProviderQuery,
    integrations.IntegrationQuery,
    AnalyticsQuery,
    AuditQuery,
    DeprecationQuery,
    alerts.AlertQuery,
    webhooks.WebhookQuery,
    exports.ExportQuery,
    imports.ImportQuery,
    reports.ReportQuery,
    privacy.PrivacyQuery,
    SimulationQuery,
    jobs.JobQuery,
):
    @strawberry.field(
        description="Any object by its opaque id.",
        extensions=[Checked("Who may see it is decided as in the kind's own query.")],
    )
    async def node(self, info: Info, id: IdArgument) -> Node | None:
        kind, ref = parse(id)
        if kind in PLATFORM_NODES:
            platform_node: Node = await PLATFORM_NODES[kind](info.context, ref)
            return platform_node
        resolver = NODES.get(kind)
        if resolver is None:
            raise NotFound
        found: Node | None = await resolver(info.context, await info.context.open_ref(kind, id))
        if found is None:
            raise NotFound(kind)
        return found


@strawberry.type(
    description=(
        "Everything that can be changed. Each mutation answers with a union: its success, or a refusal one can act on. "
        "Codes that can happen anywhere (`UNAUTHENTICATED`, `FORBIDDEN`, `NOT_FOUND`, `BAD_USER_INPUT`, "
        "`RATE_LIMITED`, `UNAVAILABLE`, `INTERNAL`) come as errors with `extensions.code`."
    )
)
class Mutation(
    TenantMutation,
    TenantDomainMutation,
    IdentityMutation,
    AccountMutation,
    ApiKeyMutation,
    ProviderMutation,
    SecondFactorLoginMutation,
    SecondFactorMutation,
    CustomRoleMutation,
    QueueMutation,
    AccessMutation,
    ScheduleMutation,
    CounterMutation,
    SessionMutation,
    AdmissionMutation,
    OriginHealthMutation,
    NotificationMutation,
    deliveries.DeliveryMutation,
    broadcasts.BroadcastMutation,
    PushDeviceMutation,
    inbox.InboxMutation,
    NotificationPreferencesMutation,
    MessageRuleMutation,
    MessageProviderMutation,
    IntegrationMutation,
    RatingMutation,
    AlertMutation,
    WebhookMutation,
    exports.ExportMutation,
    imports.ImportMutation,
    ReportMutation,
    PrivacyMutation,
    JobMutation,
):
    pass


for _field in get_object_definition(Mutation, strict=True).fields:
    for _argument in _field.arguments:
        # A mutation has one argument, and all there is to say of it stands on its type.
        _argument.description = get_object_definition(_argument.type, strict=True).description


@strawberry.type(
    description=(
        "Live feeds over websocket (`graphql-transport-ws`) or server-sent events (`Accept: text/event-stream`). The "
        "first item of a `…Changed` feed is the current state; every item carries the `revision` it shows."
    )
)
class Subscription(
    SessionSubscription,
    AdmissionSubscription,
    deliveries.DeliverySubscription,
    broadcasts.BroadcastSubscription,
    AnalyticsSubscription,
    inbox.InboxSubscription,
    alerts.AlertSubscription,
    exports.ExportSubscription,
    imports.ImportSubscription,
):
    pass


def schema_text() -> str:
    """The schema as `schema.graphql` has it: sorted, so that a diff shows what changed and nothing else."""
    # A schema sorted by Strawberry can be printed but not served: its unions no longer know their members.
    return build_schema(config=StrawberryConfig(sort_schema=True)).as_str() + "\n"


def build_schema(settings: Settings | None = None, config: StrawberryConfig | None = None) -> ServedSchema:
    """The schema with the limits of an installation; the defaults without settings."""
    limits = Limits()
    if settings is not None:
        limits = Limits(
            depth=settings.max_query_depth,
            aliases=settings.max_query_aliases,
            tokens=settings.max_query_tokens,
            cost=settings.max_query_cost,
        )
    return ServedSchema(
        Query,
        Mutation,
        Subscription,
        config=config,
        introspection=settings is None or settings.introspection,
        exception_handlers=exception_handlers(),
        limits=limits,
    )
