"""The text of an access code: a serial number and a signature, short enough to be typed. Pure; knows no row.

Twenty signs in groups of five, `7K2QF-9R0MX-T4W3H-PZ6DA`: 50 bits of a random serial number, and 50 bits of an HMAC
over it, the queue and the tenant. A guess is refused before the database is asked; who reads the database has no code.
"""

import hmac
import secrets
from uuid import UUID

from app.core.crypto import derive_key

SERIAL_BITS = 50
_SIGNATURE_BITS = 50
# Crockford's base 32: no I, L, O or U, which are read as 1, 1, 0 and as an insult.
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {sign: value for value, sign in enumerate(_SIGNS)} | {"I": 1, "L": 1, "O": 0}
_LENGTH = (SERIAL_BITS + _SIGNATURE_BITS) // 5
_GROUP = 5
MAX_TEXT = 64
"""What may be sent as a code, dashes and spaces included; anything longer is none."""


class CodeSigner:
    """Writes and reads the codes of an installation."""

    def __init__(self, secret: str) -> None:
        self._key = derive_key(secret, "access codes")

    def text(self, tenant_id: UUID, queue_id: UUID, serial: int) -> str:
        """The code with this serial number, as it is handed out."""
        number = serial << _SIGNATURE_BITS | self._signature(tenant_id, queue_id, serial)
        signs = "".join(_SIGNS[number >> 5 * place & 31] for place in reversed(range(_LENGTH)))
        return "-".join(signs[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))

    def read(self, tenant_id: UUID, queue_id: UUID, text: str) -> int | None:
        """The serial number of a code we have signed for this queue, however it was typed; None for anything else."""
        if len(text) > MAX_TEXT:
            return None
        number = 0
        signs = text.upper().replace("-", "").replace(" ", "")
        if len(signs) != _LENGTH:
            return None
        for sign in signs:
            if (value := _VALUES.get(sign)) is None:
                return None
            number = number << 5 | value
        serial, given = number >> _SIGNATURE_BITS, number & (1 << _SIGNATURE_BITS) - 1
        signed = self._signature(tenant_id, queue_id, serial)
        return serial if hmac.compare_digest(given.to_bytes(8, "big"), signed.to_bytes(8, "big")) else None

    def _signature(self, tenant_id: UUID, queue_id: UUID, serial: int) -> int:
        signed = tenant_id.bytes + queue_id.bytes + serial.to_bytes(8, "big")
        return int.from_bytes(hmac.digest(self._key, signed, "sha256")[:8], "big") >> (64 - _SIGNATURE_BITS)


def fresh_serial() -> int:
    """A random serial number: how many codes a queue has cannot be told from one."""
    return secrets.randbits(SERIAL_BITS)
