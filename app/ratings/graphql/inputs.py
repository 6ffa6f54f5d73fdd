"""Inputs of the mutations of ratings."""

import strawberry

from app.ratings.rules import MAX_COMMENT, MAX_DAYS, FeedbackConfig, Given


@strawberry.input(description="What a queue is to ask after service.")
class QueueFeedbackInput:
    is_asked: bool = strawberry.field(default=True, description="Whether it takes ratings. Default: yes.")
    asks_nps: bool = strawberry.field(
        default=False, description="Whether it also asks how likely visitors are to recommend it. Default: no."
    )
    asks_comment: bool = strawberry.field(
        default=True, description="Whether it takes a few words with a rating. Default: yes."
    )
    days: int = strawberry.field(
        default=14,
        description=(
            f"For how many days after a visit it can be rated, and the rating changed, 1 to {MAX_DAYS}. Default: 14."
        ),
    )


@strawberry.input(description="What a queue asks from now on, of past visits too.")
class QueueSetFeedbackInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    feedback: QueueFeedbackInput = strawberry.field(description="All of it; what is left out has its default.")

    def config(self) -> FeedbackConfig:
        """What is set."""
        wanted = self.feedback
        return FeedbackConfig(wanted.is_asked, wanted.asks_nps, wanted.asks_comment, wanted.days)


@strawberry.input(description="How a visit was: all of it, instead of what was said before.")
class SessionRateInput:
    session_id: strawberry.ID = strawberry.field(description="The session, whose service is over.")
    score: int = strawberry.field(description="From 1 to 5, the higher the better.")
    nps: int | None = strawberry.field(
        default=None,
        description=(
            "How likely the visitor is to recommend the place, from 0 to 10, where the queue asks it. Default: not "
            "said."
        ),
    )
    comment: str | None = strawberry.field(
        default=None,
        description=(
            f"In the visitor's words, at most {MAX_COMMENT:,} characters, where the queue takes them. Kept sealed. "
            "Default: none."
        ),
    )

    def given(self) -> Given:
        """What was said."""
        return Given(self.score, self.nps, self.comment)
