"""Closed sets of lists and codes. Apart, because the queue types need them too."""

from app.access import errors, models
from app.core.graphql.enums import explained_enum

BYPASSED = (
    "First in line, and past nothing else: ahead of every priority, among the bypassed in join order. Capacity, cap, "
    "rate, and the limits per person and address count them as everybody: in a full queue they are refused, and in a "
    "`METERED` one they wait for a free place and the next release. An invitation, too."
)
AccessList = explained_enum(
    models.AccessList,
    "A list of persons a queue has, by the `userIdentifier` joins name. Whoever names it is taken for that person: "
    "where identifiers can be guessed, hand out codes instead.",
    BYPASS=BYPASSED,
    INVITE="Let in while the queue is `invitedOnly`.",
)
AccessCodeKind = explained_enum(
    models.AccessCodeKind,
    "What a code does for whoever brings it. Every code lets in while the queue is `invitedOnly`; none opens a queue "
    "that is closed, or finds room in one that is full.",
    BYPASS=BYPASSED + " Also for somebody who waits already.",
    INVITE="Let in while the queue is `invitedOnly`, and nothing else.",
    PRIORITY="Gives its priority, whatever visitors may give themselves, unless the visitor has a higher one: at the "
    "join, or while waiting. Moves to that class, never past the cap.",
)
AccessCodeRefusal = explained_enum(
    errors.CodeRefusal,
    "Why a code does nothing.",
    UNKNOWN="It is no code of this queue.",
    EXPIRED="Its time is over.",
    REVOKED="Staff has revoked it.",
    USED_UP="It was used as often as it may be.",
    NO_EFFECT="It would not move this place forward; it was not used.",
)
