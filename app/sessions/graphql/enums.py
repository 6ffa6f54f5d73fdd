"""Closed sets of the session types. Apart, because the queue types need them too."""

from app.core.graphql.enums import explained_enum
from app.estimates.values import Reason
from app.queues import estimates
from app.sessions import calls, models

SessionStatus = explained_enum(
    models.SessionStatus,
    "Where a session stands.",
    WAITING="In line, or on hold.",
    CALLED="Called to a counter.",
    SERVING="Being served.",
    COMPLETED="Served; the end.",
    CANCELLED="Given up by the visitor or by staff; the end.",
    NO_SHOW="Called and did not come; the end.",
    EXPIRED="Ended by the system, because time was over; the end.",
)
WaitUnknown = explained_enum(
    estimates.WaitUnknown,
    "Why there is no estimate of a wait.",
    NOBODY_SERVED="It is not known yet how long people are served, or stay inside.",
    NO_OPEN_COUNTER="No counter is open.",
    NOT_RELEASING=(
        "Nobody is let in at present: before the opening, while a `METERED` queue is paused or holds everybody, or "
        "while the protected site is down."
    ),
)
WaitEstimateReason = explained_enum(
    Reason,
    "Why P50 and P90 of a wait are hidden, or further apart than they will be.",
    called="WaitEstimateReason",
    NO_OUTCOMES="Hidden: fewer than 20 waits of this queue have ended in a call.",
    FEW_OUTCOMES="P90 is wider than it will be: fewer than 200 waits have ended (`METERED`: fewer than 20).",
    NOBODY_ON_DUTY="Hidden: no counter is open, and when one will be is not known.",
    NOT_OBSERVED="Hidden: what estimates are made of has not happened yet, such as a first service.",
    NOT_RELEASING="Hidden: nobody is called or let in at present, and nobody can say for how long.",
)
VisitorDevice = explained_enum(
    models.Device,
    "What a visitor waits with.",
    BROWSER="Something that stays awake.",
    PHONE="A phone, which sleeps: the queue's `phoneGraceSeconds` count.",
)
ReturnPlace = explained_enum(
    calls.ReturnPlace,
    "Where a returned session goes.",
    ORIGINAL="To the place it had.",
    LAST="Behind everybody.",
)
