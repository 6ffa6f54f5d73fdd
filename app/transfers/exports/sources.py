"""What can be exported: for each kind its tables and columns. How they are read is `source.py`.

Ids are those of the API.
"""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import orjson

from app.analytics.sums import quantiles
from app.audit.repository import KINDS
from app.core.ids import encode
from app.core.personal.keys import PersonalDataClosed
from app.core.personal.sealed import sealed
from app.identity.models import User
from app.notifications.models import Notification
from app.queues.shown import shown_data
from app.sessions.models import Session
from app.transfers.exports.models import ExportKind
from app.transfers.exports.source import Field, Read, Source
from app.transfers.values import Column, ColumnType, Value


def _text(name: str, sql: str) -> Field:
    return Field(Column(name), sql)


def _integer(name: str, sql: str) -> Field:
    return Field(Column(name, ColumnType.INTEGER), sql)


def _number(name: str, sql: str) -> Field:
    return Field(Column(name, ColumnType.NUMBER), f"({sql})::float8")


def _time(name: str, sql: str) -> Field:
    return Field(Column(name, ColumnType.TIME), sql)


def _yes(name: str, sql: str) -> Field:
    return Field(Column(name, ColumnType.BOOLEAN), sql)


def _json(name: str, sql: str, read: Read | None = None) -> Field:
    return Field(Column(name, ColumnType.JSON), f"{sql}::text", read)


def _id(name: str, sql: str, kind: str) -> Field:
    return Field(Column(name), sql, lambda tenant_id, _, raw: encode(kind, tenant_id, raw))


def _sealed(name: str, declared: Any, alias: str, column_type: ColumnType = ColumnType.TEXT) -> Field:
    value = sealed(declared)

    def read(tenant_id: UUID, key: Any, raw: Any) -> Value:
        try:
            opened = value.open(tenant_id, key, raw)
        except PersonalDataClosed:
            # A damaged value keeps nobody from the rest.
            return None
        if column_type is ColumnType.JSON:
            return orjson.dumps(opened).decode()
        return str(opened)

    return Field(Column(name, column_type, personal=True), f"{alias}.{value.column}", read)


def _event_data(tenant_id: UUID, _: Any, raw: Any) -> Value:
    return orjson.dumps(shown_data(orjson.loads(raw), tenant_id), default=str).decode()


def _object_id(tenant_id: UUID, _: Any, raw: Any) -> Value:
    kind, _, id = raw.partition(":")
    title = "".join(part.title() for part in kind.split("_"))
    return encode(KINDS.get(kind, title), tenant_id, UUID(id))


def _quantile(name: str, column: str, share: float) -> Field:
    def read(_: UUID, __: Any, raw: Any) -> Value:
        histogram = Counter(dict(zip(raw[::2], raw[1::2], strict=True)))
        (found,) = quantiles(histogram, [share])
        return found

    return Field(Column(name, ColumnType.NUMBER), column, read)


_SESSIONS: Final = Source(
    title="sessions",
    tables=(
        "sessions s join queues q on q.tenant_id = s.tenant_id and q.id = s.queue_id"
        " left join queue_categories c on c.tenant_id = s.tenant_id and c.id = s.category_id"
        " left join counters k on k.tenant_id = s.tenant_id and k.id = s.counter_id"
    ),
    key="s.id",
    tenant="s.tenant_id",
    time="s.joined_at",
    order="s.id",
    queue="s.queue_id",
    fields=(
        _id("id", "s.id", "Session"),
        _id("queue_id", "s.queue_id", "Queue"),
        _text("queue", "q.slug"),
        _text("ticket_number", "s.ticket_number"),
        _text("status", "s.status"),
        _integer("priority", "s.priority"),
        _text("category", "c.name"),
        _integer("party_size", "s.party_size"),
        _text("locale", "s.locale"),
        _text("device", "s.device"),
        _time("joined_at", "s.joined_at"),
        _time("called_at", "s.called_at"),
        _time("started_at", "s.started_at"),
        _time("completed_at", "s.completed_at"),
        _time("cancelled_at", "s.cancelled_at"),
        _time("ended_at", "s.ended_at"),
        _number("wait_seconds", "extract(epoch from s.called_at - s.joined_at)"),
        _number("service_seconds", "extract(epoch from s.completed_at - s.started_at)"),
        _integer("call_count", "s.call_count"),
        _text("counter", "k.name"),
        _id("served_by_id", "s.served_by", "User"),
        _text("cancelled_by", "s.cancelled_by"),
        _sealed("user_identifier", Session.user_identifier, "s"),
        _sealed("email", Session.email, "s"),
        _sealed("phone", Session.phone, "s"),
        _sealed("metadata", Session.visitor_metadata, "s", ColumnType.JSON),
        _sealed("cancel_reason", Session.cancel_reason, "s"),
    ),
)

_FACTS: Final = Source(
    title="facts",
    tables=(
        "session_facts f join queues q on q.tenant_id = f.tenant_id and q.id = f.queue_id"
        " left join queue_categories c on c.tenant_id = f.tenant_id and c.id = f.category_id"
        " left join counters k on k.tenant_id = f.tenant_id and k.id = f.counter_id"
    ),
    key="f.session_id",
    tenant="f.tenant_id",
    time="f.entered_at",
    order="f.session_id, f.queue_id",
    queue="f.queue_id",
    fields=(
        _id("session_id", "f.session_id", "Session"),
        _id("queue_id", "f.queue_id", "Queue"),
        _text("queue", "q.slug"),
        _time("entered_at", "f.entered_at"),
        _time("joined_at", "f.joined_at"),
        _yes("is_transfer", "f.is_transfer"),
        _text("category", "c.name"),
        _integer("priority", "f.priority"),
        _integer("party_size", "f.party_size"),
        _integer("position", "f.position"),
        _integer("waiting_ahead", "f.waiting_ahead"),
        _time("called_at", "f.called_at"),
        _time("started_at", "f.started_at"),
        _time("ended_at", "f.ended_at"),
        _text("outcome", "f.outcome"),
        _integer("call_count", "f.call_count"),
        _text("counter", "k.name"),
        _id("served_by_id", "f.served_by", "User"),
        _number("wait_seconds", "f.wait_ms / 1000.0"),
        _number("service_seconds", "f.service_ms / 1000.0"),
        _integer("rating", "f.rating"),
        _integer("nps", "f.nps"),
    ),
)

_ROLLUPS: Final = Source(
    title="rollups",
    tables=(
        "analytics_rollups r join queues q on q.tenant_id = r.tenant_id and q.id = r.scope_id"
        " left join queue_categories c on c.tenant_id = r.tenant_id and c.id = r.member"
        " left join counters k on k.tenant_id = r.tenant_id and k.id = r.member"
    ),
    key="r.scope_id",
    tenant="r.tenant_id",
    time="r.begins_at",
    order="r.scope_id, r.dimension, r.member",
    queue="r.scope_id",
    where="r.grain = 'HOUR'",
    fields=(
        _id("queue_id", "r.scope_id", "Queue"),
        _text("queue", "q.slug"),
        _time("begins_at", "r.begins_at"),
        _text("local_hour", "to_char(r.local_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI')"),
        _text("dimension", "r.dimension"),
        _text("category", "c.name"),
        Field(
            Column("priority", ColumnType.INTEGER),
            "case when r.dimension = 'PRIORITY' then r.member end",
            lambda _, __, raw: int(raw.int),
        ),
        _text("counter", "k.name"),
        _id("user_id", "case when r.dimension = 'STAFF' then r.member end", "User"),
        _integer("entered", "r.entered"),
        _integer("people", "r.people"),
        _integer("transferred_in", "r.transferred_in"),
        _integer("called", "r.called"),
        _integer("served", "r.served"),
        _integer("abandoned", "r.abandoned"),
        _integer("cancelled_after_call", "r.cancelled_after_call"),
        _integer("cancelled_by_staff", "r.cancelled_by_staff"),
        _integer("no_show", "r.no_show"),
        _integer("stay_over", "r.stay_over"),
        _integer("revoked", "r.revoked"),
        _integer("transferred_out", "r.transferred_out"),
        _number("wait_seconds_mean", "r.wait_ms / 1000.0 / nullif(r.called, 0)"),
        _quantile("wait_seconds_p50", "r.wait_buckets", 0.5),
        _quantile("wait_seconds_p90", "r.wait_buckets", 0.9),
        _quantile("wait_seconds_p95", "r.wait_buckets", 0.95),
        _integer("service_count", "r.service_count"),
        _number("service_seconds_mean", "r.service_ms / 1000.0 / nullif(r.service_count, 0)"),
        _quantile("service_seconds_p50", "r.service_buckets", 0.5),
        _quantile("service_seconds_p90", "r.service_buckets", 0.9),
        _quantile("service_seconds_p95", "r.service_buckets", 0.95),
        _number("waiting_hours", "r.waiting_ms / 3600000.0"),
        _number("called_hours", "r.called_ms / 3600000.0"),
        _number("serving_hours", "r.serving_ms / 3600000.0"),
        _number("counter_hours", "r.counter_ms / 3600000.0"),
        _integer("waiting_max", "r.waiting_max"),
    ),
)

_EVENTS: Final = Source(
    title="events",
    tables="events e",
    key="e.aggregate_id",
    tenant="e.tenant_id",
    time="e.occurred_at",
    order="e.aggregate_id, e.revision",
    # Two conditions in one: only a queue's own events are its.
    queue="e.aggregate_type = 'queue' and e.aggregate_id",
    fields=(
        _time("occurred_at", "e.occurred_at"),
        _text("type", "e.type"),
        _text("object_type", "e.aggregate_type"),
        Field(Column("object_id"), "e.aggregate_type || ':' || e.aggregate_id", _object_id),
        _integer("revision", "e.revision"),
        _text("actor", "e.actor"),
        _text("request", "e.request_id"),
        _json("data", "e.data", _event_data),
        _json("changes", "e.changes"),
        Field(Column("address", personal=True), "e.address"),
        Field(Column("agent", personal=True), "e.agent"),
    ),
)

_NOTIFICATIONS: Final = Source(
    title="notifications",
    tables="notifications n left join queues q on q.tenant_id = n.tenant_id and q.id = n.queue_id",
    key="n.id",
    tenant="n.tenant_id",
    time="n.created_at",
    order="n.id",
    queue="n.queue_id",
    fields=(
        _id("id", "n.id", "Notification"),
        _text("queue", "q.slug"),
        _id("session_id", "n.session_id", "Session"),
        _id("user_id", "n.user_id", "User"),
        _text("kind", "n.kind"),
        _text("channel", "n.channel"),
        _text("locale", "n.locale"),
        _text("status", "n.status"),
        _integer("attempts", "n.attempts"),
        _text("provider", "n.provider"),
        _time("created_at", "n.created_at"),
        _time("sent_at", "n.sent_at"),
        _time("delivered_at", "n.delivered_at"),
        _time("read_at", "n.read_at"),
        _sealed("recipient", Notification.recipient, "n"),
        _sealed("subject", Notification.subject, "n"),
        _sealed("body", Notification.body, "n"),
        # Providers quote whom they would not send it to.
        Field(Column("error", personal=True), "n.error"),
    ),
)

_USERS: Final = Source(
    title="users",
    tables="users u left join roles r on r.tenant_id = u.tenant_id and r.id = u.custom_role_id",
    key="u.id",
    tenant="u.tenant_id",
    time="u.created_at",
    order="u.id",
    fields=(
        _id("id", "u.id", "User"),
        _text("role", "u.role"),
        _text("custom_role", "r.name"),
        _text("status", "u.status"),
        _yes("email_verified", "u.email_verified"),
        _yes("phone_verified", "u.phone_verified"),
        _time("last_login_at", "u.last_login_at"),
        _time("created_at", "u.created_at"),
        _sealed("email", User.email, "u"),
        _sealed("username", User.username, "u"),
        _sealed("first_name", User.first_name, "u"),
        _sealed("last_name", User.last_name, "u"),
        _sealed("phone", User.phone, "u"),
    ),
)

_QUEUES: Final = Source(
    title="queues",
    tables="queues q",
    key="q.id",
    tenant="q.tenant_id",
    time="q.created_at",
    order="q.id",
    queue="q.id",
    fields=(
        _id("id", "q.id", "Queue"),
        _text("status", "q.status"),
        _time("created_at", "q.created_at"),
        # What an import takes, by the same names.
        _text("slug", "q.slug"),
        _text("name", "q.name"),
        _text("description", "q.description"),
        _text("mode", "q.mode"),
        _text("discipline", "q.discipline"),
        _integer("visitor_max_priority", "q.visitor_max_priority"),
        _integer("capacity", "q.capacity"),
        _integer("max_concurrent_users", "q.max_concurrent_users"),
        _integer("release_rate_per_minute", "q.release_rate_per_minute"),
        _integer("grace_seconds", "q.grace_seconds"),
        _integer("phone_grace_seconds", "q.phone_grace_seconds"),
        _integer("claim_seconds", "q.claim_seconds"),
        _integer("stay_seconds", "q.stay_seconds"),
        _yes("queue_all", "q.queue_all"),
        _yes("invited_only", "q.invited_only"),
        _integer("max_places_per_address", "q.max_places_per_address"),
        _text("refusal_message", "q.refusal_message"),
        _text("ticket_prefix", "q.ticket_prefix"),
        _integer("ticket_first_number", "q.ticket_first_number"),
        _integer("ticket_last_number", "q.ticket_last_number"),
        _text("time_zone", "q.time_zone"),
        _text("daily_reset_time", "to_char(q.daily_reset_time, 'HH24:MI')"),
        _text("announcement", "q.announcement"),
    ),
)

SOURCES: Final[Mapping[ExportKind, Source]] = MappingProxyType(
    {
        ExportKind.SESSIONS: _SESSIONS,
        ExportKind.FACTS: _FACTS,
        ExportKind.ROLLUPS: _ROLLUPS,
        ExportKind.EVENTS: _EVENTS,
        ExportKind.NOTIFICATIONS: _NOTIFICATIONS,
        ExportKind.USERS: _USERS,
        ExportKind.QUEUES: _QUEUES,
    }
)
