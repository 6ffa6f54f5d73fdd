"""What those who join a queue together bring, as it stands under the line's lock, and what of it they have used.

Decides nothing about the line. Where a queue has no rule and nobody brings a code, nothing is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.access import repository
from app.access.errors import AccessCodeRefused, CodeRefusal
from app.access.models import AccessCode, AccessList
from app.access.rules import Pass, ensure_usable, pass_of
from app.core.db import WriteTx
from app.queues.line import LockedLine


@dataclass(frozen=True, slots=True)
class Passes:
    """Lists and codes of one queue."""

    lists: Mapping[str, frozenset[AccessList]]
    codes: Mapping[int, AccessCode]

    @classmethod
    async def of(cls, tx: WriteTx, line: LockedLine, persons: Sequence[str], codes: Iterable[int]) -> "Passes":
        """What matters of these people and codes: codes by serial number, held until the block ends."""
        asked = line.settings.invited_only or line.queue.bypass_count > 0
        return cls(
            lists=await repository.lists_of_persons(tx, line.queue.id, persons) if asked else {},
            codes=await repository.hold_codes(tx, line.queue.id, list(codes)),
        )

    def of_person(
        self, line: LockedLine, person: str | None, serial: int | None, now: datetime, *, brought_by_staff: bool
    ) -> tuple[Pass, AccessCode | None]:
        """What somebody is let in with. Raises `AccessCodeRefused`, `InvitationRequired`."""
        code = None if serial is None else ensure_usable(self.codes.get(serial), now)
        settings = line.settings
        granted = pass_of(
            self.lists.get(person, ()) if person is not None else (),
            code,
            invited_only=settings.invited_only,
            brought_by_staff=brought_by_staff,
            refusal_message=settings.refusal_message,
        )
        return granted, code


async def usable_code(tx: WriteTx, queue_id: UUID, serial: int, now: datetime) -> AccessCode:
    """One code, held, for somebody who waits. Raises `AccessCodeRefused`."""
    return ensure_usable((await repository.hold_codes(tx, queue_id, [serial])).get(serial), now)


def use(code: AccessCode) -> None:
    """Count one use; written when the block ends, with what it was used for."""
    code.use_count += 1


__all__ = ["AccessCodeRefused", "CodeRefusal", "Passes", "usable_code", "use"]
