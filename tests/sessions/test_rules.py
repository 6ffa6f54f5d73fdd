"""Every move a session can make, from every status."""

import pytest

from app.sessions import rules
from app.sessions.errors import IllegalTransition
from app.sessions.models import SessionStatus
from app.sessions.rules import Move

W, C, S = SessionStatus.WAITING, SessionStatus.CALLED, SessionStatus.SERVING

MAY: dict[Move, set[SessionStatus]] = {
    rules.CALL: {W},
    rules.RECALL: {C},
    rules.START: {C},
    rules.COMPLETE: {S},
    rules.MARK_NO_SHOW: {C},
    rules.CANCEL: {W, C},
    rules.RETURN_TO_QUEUE: {C, S},
    rules.STEP_BACK: {W},
    rules.HOLD: {W},
    rules.UNHOLD: {W},
    rules.TRANSFER: {W, C, S},
    rules.SET_PRIORITY: {W},
    rules.USE_CODE: {W},
    rules.ADD_NOTE: set(SessionStatus),
}


def test_the_table_is_of_all_moves() -> None:
    assert {move for move in vars(rules).values() if isinstance(move, Move)} == MAY.keys()


@pytest.mark.parametrize("move", MAY, ids=lambda move: move.word)
@pytest.mark.parametrize("status", SessionStatus)
def test_every_move_from_every_status(move: Move, status: SessionStatus) -> None:
    if status in MAY[move]:
        rules.ensure_may(move, status)
        return
    with pytest.raises(IllegalTransition) as raised:
        rules.ensure_may(move, status)
    assert raised.value.session_status is status
    assert raised.value.allowed == sorted(MAY[move])
    assert move.word in str(raised.value)
    assert all(allowed.value in str(raised.value) for allowed in MAY[move])
