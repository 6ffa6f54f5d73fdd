"""The key a tenant pushes to browsers with (VAPID), and the provider that does so without being configured.

The key is made from the installation's secret and the tenant's id: it is the same in every process, lies in no table,
and lasts as long as what else is sealed with that secret.
"""

from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.core.outbound import network
from app.notifications.channels.interface import Surroundings
from app.notifications.channels.mail import MailFailure, parse_address
from app.notifications.channels.webpush import WebPush, WebPushCredentials, WebPushOptions, application_server_key
from app.settings import Settings

# The order of P-256: keys are from 1 to one less.
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@lru_cache(maxsize=512)
def push_key(secret: str, tenant_id: UUID) -> str:
    """The tenant's private key, as PEM."""
    # Half as long again as the key, so that the remainder favours nobody (FIPS 186-5, A.2.1).
    material = HKDF(hashes.SHA256(), 48, salt=tenant_id.bytes, info=b"web push").derive(secret.encode())
    key = ec.derive_private_key(int.from_bytes(material) % (_ORDER - 1) + 1, ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption()).decode()


def public_push_key(secret: str, tenant_id: UUID) -> str:
    """What the tenant's browsers subscribe with: `applicationServerKey`, in base64url."""
    return application_server_key(push_key(secret, tenant_id))


def web_push(settings: Settings, tenant_id: UUID) -> WebPush:
    """Who pushes to the tenant's browsers."""
    return WebPush(
        WebPushOptions(contact=_contact(settings)),
        WebPushCredentials(private_key=push_key(settings.secret, tenant_id)),
        Surroundings(tuple(network(text) for text in settings.outbound_networks)),
    )


def _contact(settings: Settings) -> str:
    """The address mails come from: some push services ask for one that could be real."""
    try:
        return parse_address(settings.smtp_from).addr_spec
    except MailFailure:
        return "no-reply@localhost"
