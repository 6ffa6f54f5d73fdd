"""What those who join a queue together bring, as it stands under the line's lock, and what of it they have used.

Decides nothing about the line. Where a queue has no rule and nobody brings a code, nothing is read.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from app.access import repository
from app.access.codes import CodeSigner
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
        self, line: LockedLine, person: str | None, serial: int | None, *, brought_by_staff: bool
    ) -> tuple[Pass, AccessCode | None]:
        """What somebody is let in with, and the code it is for. Raises `AccessCodeRefused`, `InvitationRequired`."""
        code = None if serial is None else ensure_usable(self.codes.get(serial), line.now)
        settings = line.settings
        granted = pass_of(
            self.lists.get(person, ()) if person is not None else (),
            code,
            invited_only=settings.invited_only,
            brought_by_staff=brought_by_staff,
            refusal_message=settings.refusal_message,
        )
        return granted, code


async def usable_code(tx: WriteTx, line: LockedLine, signer: CodeSigner, text: str) -> AccessCode:
    """The code somebody who waits brings, held. Raises `AccessCodeRefused`."""
    serial = serial_of(signer, tx.tenant, line.queue.id, text)
    return ensure_usable((await repository.hold_codes(tx, line.queue.id, [serial])).get(serial), line.now)


def serial_of(signer: CodeSigner, tenant_id: UUID, queue_id: UUID, text: str) -> int:
    """The serial number of a code. `AccessCodeRefused` if it is not one we have signed for this queue."""
    if (serial := signer.read(tenant_id, queue_id, text)) is None:
        raise AccessCodeRefused(CodeRefusal.UNKNOWN)
    return serial


def use(code: AccessCode) -> None:
    """Count one use; written when the block ends, with what it was used for."""
    code.use_count += 1
