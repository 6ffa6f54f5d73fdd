"""Requests about people's data and how long it is kept, as clients see them. Whom a request is about is not shown."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import Ref
from app.privacy import links, models

PrivacyRequestKind = explained_enum(
    models.PrivacyRequestKind,
    "What was asked about a person's data.",
    EXPORT="A file with everything that is held.",
    ERASURE="That everything be destroyed that says who the person is.",
)
PrivacyRequestStatus = explained_enum(
    models.PrivacyRequestStatus,
    "How far a request is.",
    WAITING="Nobody has begun yet; within seconds somebody does.",
    RUNNING="It is being done; `doneSteps` of `totalSteps` are.",
    DONE="It is done.",
    FAILED="It cannot be done; `failure` says why.",
)


@strawberry.type(description="A request to export or erase one person's data. It does not say who the person is.")
class PrivacyRequest(Node):
    kind: PrivacyRequestKind = strawberry.field(description="What was asked for.")  # type: ignore[valid-type]
    status: PrivacyRequestStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    done_steps: int = strawberry.field(description="How many steps are done.")
    total_steps: int = strawberry.field(description="How many steps it takes; 0 before it is begun.")
    counts: JSON = strawberry.field(
        description="How many rows it was about, by step of an erasure, by table of an export; once these are done."
    )
    failure: str | None = strawberry.field(description="Why it failed; else null.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    created_by: str = strawberry.field(description="By whom: `USER:<uuid>` or `API_KEY:<uuid>`.")
    finished_at: datetime | None = strawberry.field(description="When it was done, or failed.")
    download_ends_at: datetime | None = strawberry.field(
        description="Until when the file of an export is kept, 7 days; null if there is none, or no more."
    )

    @strawberry.field(
        description=(
            "Where the file can be fetched (JSON), without a token, for 15 minutes from now; each fetch is recorded. "
            "Null if there is none, or no more."
        )
    )
    def download_url(self, info: Info) -> str | None:
        """Signed anew each time."""
        runtime = info.context.runtime
        if self.download_ends_at is None or self.download_ends_at <= runtime.clock.now():
            return None
        settings, ref = runtime.settings, Ref(self.tenant_key, self.key)
        return links.link(settings.base_url, settings.secret, ref, runtime.clock.now())

    @classmethod
    def of(cls, row: models.PrivacyRequest) -> "PrivacyRequest":
        """From its row."""
        counts: dict[str, Any] = row.counts
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            kind=row.kind,
            status=row.status,
            done_steps=row.done_steps,
            total_steps=row.total_steps,
            counts=JSON(counts),
            failure=row.failure,
            created_at=row.created_at,
            created_by=row.created_by,
            finished_at=row.finished_at,
            download_ends_at=row.content_ends_at,
        )


@strawberry.type(description="A request and its cursor.")
class PrivacyRequestEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: PrivacyRequest = strawberry.field(description="The request.")


@strawberry.type(description="A page of requests about people's data, newest first.")
class PrivacyRequestConnection:
    edges: list[PrivacyRequestEdge] = strawberry.field(description="The requests.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(
    description=(
        "For how many days what says who people are is kept, from 1 to 3,650; null for ever. What is over is destroyed "
        "within about an hour."
    )
)
class Retention:
    session_days: int | None = strawberry.field(
        description="After the end of a session: contact, identifier, metadata and notes. The session itself stays."
    )
    login_days: int | None = strawberry.field(description="After the end of a sign-in, at most 30 days: all of it.")
    notification_days: int | None = strawberry.field(description="After a message was made: all of it.")
    origin_days: int | None = strawberry.field(
        description="After a change: the address and agent it came from, in the audit log. The entry stays."
    )

    @classmethod
    def of(cls, row: models.Retention | None) -> "Retention":
        """From its row; for ever without one."""
        if row is None:
            return cls(session_days=None, login_days=None, notification_days=None, origin_days=None)
        return cls(
            session_days=row.session_days,
            login_days=row.login_days,
            notification_days=row.notification_days,
            origin_days=row.origin_days,
        )
