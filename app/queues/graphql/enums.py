"""Closed sets of the schema about queues, explained."""

from app.core.graphql.enums import explained_enum
from app.queues import models

QueueStatus = explained_enum(
    models.QueueStatus,
    "What a queue lets happen.",
    PREQUEUE="People join; nobody is called or released before the opening, and nobody has a position yet.",
    ACTIVE="People join and are called.",
    PAUSED="People join; nobody is called.",
    CLOSED="Nobody joins; whoever waits is still called.",
    MAINTENANCE="Nobody joins and nobody is called; the line stays as it is.",
    ARCHIVED="Put away for good.",
)
QueueMode = explained_enum(
    models.QueueMode,
    "Who calls.",
    STAFFED="A member of staff at a counter.",
    METERED="The system: it releases visitors at a rate and within a cap.",
)
FailureMode = explained_enum(
    models.FailureMode,
    "What a protected site does while it cannot ask us, and we do while we do not hear of its health.",
    FAIL_OPEN="Visitors pass; releases go on.",
    FAIL_CLOSED="Nobody new passes; releases pause.",
)
QueueDiscipline = explained_enum(
    models.QueueDiscipline,
    "What decides the order.",
    PRIORITY="Higher priorities first, each in join order.",
    TIME_CREDIT="A priority is worth seconds of waiting (`priorityCredits`), so nobody starves.",
    LOTTERY="Those who are there at the opening in an order drawn by lot; whoever joins later in join order behind.",
)
