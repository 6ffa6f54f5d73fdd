"""Closed sets of the admission types."""

from app.admission import models
from app.core.graphql.enums import explained_enum

AdmissionState = explained_enum(
    models.AdmissionState,
    "Where an admission stands.",
    WAITING="The visitor waits: no admission yet, or none any more after a return to the line.",
    RELEASED="Released: the claim window runs, and the site may be entered.",
    INSIDE="Inside: the stay runs, and can be renewed.",
    ENDED="Over: `end` says how.",
)
AdmissionEnd = explained_enum(
    models.AdmissionEnd,
    "What happened to an admission, or to one token of it.",
    LEFT="The visitor has left, or staff has completed the session.",
    CLAIM_OVER="Released, and not entered within `claimSeconds`.",
    STAY_OVER="The stay was not renewed within `staySeconds`.",
    GRACE_OVER="Not seen for longer than the grace while waiting.",
    CANCELLED="The visitor has given up the place.",
    REVOKED="Staff has revoked it, or has cancelled the session.",
    RETURNED="Back in a line: the tokens of the earlier release are void.",
    REPLACED="Of a token only: it is over, and a newer one has taken its place.",
    EXPIRED="Of a token only: it is over, and the stay goes on; no token lives longer than 7 days.",
)
