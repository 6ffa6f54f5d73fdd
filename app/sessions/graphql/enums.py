"""Closed sets of the session types. Apart, because the queue types need them too."""

import strawberry

from app.sessions import calls, models

SessionStatus = strawberry.enum(
    models.SessionStatus,
    description=(
        "Where a session stands. WAITING: in line, or on hold. CALLED: to a counter. SERVING: being served. COMPLETED, "
        "CANCELLED, NO_SHOW and EXPIRED are ends."
    ),
)
ReturnPlace = strawberry.enum(
    calls.ReturnPlace, description="Where a returned session goes. ORIGINAL: the place it had. LAST: behind everybody."
)
