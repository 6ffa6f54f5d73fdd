"""The types of ratings: what a queue asks, and what was said of a visit."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Info
from app.core.graphql.enums import explained_enum
from app.core.graphql.node import Node
from app.core.graphql.pages import PageInfo
from app.core.ids import Ref
from app.identity.permissions import Permission
from app.ratings import errors, models
from app.ratings.rules import FeedbackConfig
from app.sessions.graphql.loaders import is_own_session, load_session

LazySession = Annotated["Session", strawberry.lazy("app.sessions.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

RatingSource = explained_enum(
    models.RatingSource,
    "By which way a rating came.",
    LINK="By the link, from a message or a code on a screen.",
    APP="By `sessionRate` with the session's token.",
    STAFF="By `sessionRate` of a member of staff or a program, on the visitor's behalf.",
)
RatingRefusal = explained_enum(
    errors.RatingRefusal,
    "Why a visit cannot be rated.",
    NOT_ASKED="The queue asks for no ratings.",
    NOT_SERVED="Its service is not over, or there was none.",
    TOO_LATE="More than the queue's `feedback.days` have passed since the visit.",
)


@strawberry.type(description="What a queue asks visitors after service.")
class QueueFeedback:
    is_asked: bool = strawberry.field(description="Whether it takes ratings. Default: yes.")
    asks_nps: bool = strawberry.field(
        description="Whether it also asks how likely visitors are to recommend it, from 0 to 10. Default: no."
    )
    asks_comment: bool = strawberry.field(description="Whether it takes a few words with a rating. Default: yes.")
    days: int = strawberry.field(
        description="For how many days after a visit it can be rated, and the rating changed, 1 to 90. Default: 14."
    )

    @classmethod
    def of(cls, config: FeedbackConfig) -> "QueueFeedback":
        """From what counts."""
        return cls(
            is_asked=config.is_asked, asks_nps=config.asks_nps, asks_comment=config.asks_comment, days=config.days
        )


@strawberry.type(description="What was said of one visit.")
class Rating(Node):
    row: strawberry.Private[models.Rating]
    score: int = strawberry.field(description="From 1 to 5, the higher the better.")
    nps: int | None = strawberry.field(
        description="How likely the visitor is to recommend the place, from 0 to 10; null if that was not said."
    )
    source: RatingSource = strawberry.field(description="By which way it came last.")  # type: ignore[valid-type]
    rated_at: datetime = strawberry.field(description="When it was first given.")
    changed_at: datetime = strawberry.field(description="When it was last changed; `ratedAt` if never.")

    @classmethod
    def of(cls, row: models.Rating) -> "Rating":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            score=row.score,
            nps=row.nps,
            source=row.source,
            rated_at=row.rated_at,
            changed_at=row.changed_at,
        )

    @strawberry.field(
        description=(
            "In the visitor's words, at most 2,000 characters; null if there are none, or none any more. Null without "
            "`rating:read`, except for its visitor."
        )
    )
    def comment(self, info: Info) -> str | None:
        """Personal."""
        actor, ref = info.context.actor, Ref(self.tenant_key, self.key)
        if is_own_session(info.context, ref) or actor.may_in(ref.tenant_id, Permission.RATING_READ):
            return self.row.comment
        return None

    @strawberry.field(description="The visit.")
    async def session(self, info: Info) -> LazySession:
        """Loaded for all ratings of the answer at once."""
        return await load_session(info.context, Ref(self.tenant_key, self.key))


@strawberry.type(description="A rating and its cursor.")
class RatingEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Rating = strawberry.field(description="The rating.")


@strawberry.type(description="A page of ratings, newest first.")
class RatingConnection:
    edges: list[RatingEdge] = strawberry.field(description="The ratings.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")
