"""A tenant's mail server: aiosmtpd, encrypted, with a password. What it takes is a `Sink`'s."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.notifications.sink import Sink

USERNAME, PASSWORD = "shop@mail.example", "pass word/ä:1"


def _authenticated(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object) -> AuthResult:
    right = isinstance(given, LoginPassword) and given == LoginPassword(USERNAME.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@contextmanager
def certificate(folder: Path, *names: str) -> Iterator[tuple[ssl.SSLContext, Path]]:
    """A server's side of TLS for these names and 127.0.0.1, and the file that makes it trusted."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail server of a test")])
    now = datetime.now(UTC)
    shown = [*(x509.DNSName(each) for each in names), x509.IPAddress(ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(shown), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    encoding, no_password = serialization.Encoding.PEM, serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, no_password))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    yield context, file


@asynccontextmanager
async def mail_server(
    context: ssl.SSLContext, *, is_encrypted_at_once: bool = False, is_open: bool = False
) -> AsyncIterator[Sink]:
    """A server that takes mail over TLS, from whoever has signed in; from everybody if it `is_open`."""
    taken = Sink()

    def protocol() -> SMTP:
        with warnings.catch_warnings():
            # The library does not see a TLS that was there before it, and warns of its absence.
            warnings.simplefilter("ignore", UserWarning)
            return SMTP(
                taken,
                hostname="mail.example",
                enable_SMTPUTF8=True,
                tls_context=None if is_encrypted_at_once else context,
                require_starttls=not is_encrypted_at_once,
                auth_require_tls=not is_encrypted_at_once,
                auth_required=not is_open,
                authenticator=_authenticated,
            )

    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", 0, ssl=context if is_encrypted_at_once else None
    )
    taken.port = server.sockets[0].getsockname()[1]
    try:
        yield taken
    finally:
        server.close()
