"""What can be refused about an admission."""

from datetime import datetime

from app.admission.models import AdmissionEnd
from app.core.errors import UserFacingError
from app.sessions.models import SessionStatus

_SAID = {
    AdmissionEnd.LEFT: "The visitor has left; join again.",
    AdmissionEnd.CLAIM_OVER: "The visitor was released and did not enter in time (`claimSeconds`); join again.",
    AdmissionEnd.STAY_OVER: "The stay was not renewed in time (`staySeconds`); join again.",
    AdmissionEnd.GRACE_OVER: "The visitor was not seen for too long while waiting (`graceSeconds`); join again.",
    AdmissionEnd.CANCELLED: "The visitor has given up the place; join again.",
    AdmissionEnd.REVOKED: "Staff has revoked the admission.",
    AdmissionEnd.RETURNED: "The visitor was put back into a line: the token is void, the place is the session's.",
    AdmissionEnd.REPLACED: "This token is over and a newer one has taken its place: ask for `Session.admission`.",
    AdmissionEnd.EXPIRED: "This token is over, the stay is not: renew with the session token.",
}


class AdmissionInvalid(UserFacingError):
    """This is no admission token of ours."""

    def __init__(self) -> None:
        super().__init__("This is no admission token of this installation; send the visitor to the waiting page.")


class AdmissionOver(UserFacingError):
    """The token was good once. `end` says what happened, `ended_at` when."""

    def __init__(self, end: AdmissionEnd, session_status: SessionStatus, ended_at: datetime | None) -> None:
        super().__init__(_SAID[end])
        self.end = end
        self.session_status = session_status
        self.ended_at = ended_at


class AdmissionUsed(UserFacingError):
    """The token was for one use, and has been used."""

    def __init__(self, used_at: datetime) -> None:
        super().__init__("This token has been used. If that was you, go on with the cookie, or with a newer token.")
        self.used_at = used_at


class AdmissionAddressMismatch(UserFacingError):
    """The token is bound to another network address."""

    def __init__(self, *, is_told: bool) -> None:
        super().__init__(
            "The token is bound to another network address than this visitor's."
            if is_told
            else "This queue binds tokens to network addresses: send the visitor's `address`."
        )


class QueueNotMetered(UserFacingError):
    """The session is in a queue whose visitors are called by staff."""

    def __init__(self) -> None:
        super().__init__("Admissions are for queues of mode `METERED`; in this one staff calls.")
