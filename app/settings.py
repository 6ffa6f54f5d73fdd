"""Everything that may differ between two installations, read once from the environment.

Built by `load_settings()` and handed down; nothing else in the code reads environment variables.
"""

import re
import secrets
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from redis import Redis
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class SettingsError(Exception):
    """One line: the variable that is wrong and what to set instead."""


def _database_url(value: str | None) -> str | None:
    if value is None or value == "":
        return None
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise ValueError("is not a database URL; write postgresql://user:password@host:5432/name") from None
    if url.get_backend_name() != "postgresql":
        raise ValueError("must be a PostgreSQL URL; write postgresql://user:password@host:5432/name")
    # A bare postgresql:// would select a driver that is not installed.
    return url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _redis_url(value: str | None) -> str | None:
    if value is None or value == "":
        return None
    try:
        Redis.from_url(value)
    except ValueError:
        raise ValueError("is not a Redis URL; write redis://host:6379/0") from None
    return value


def _smtp_url(value: str | None) -> str | None:
    if value is None or value == "":
        return None
    if not value.startswith(("smtp://", "smtps://", "smtp+starttls://")):
        raise ValueError("is not an SMTP URL; write smtp://user:password@host:587 (or smtps://, smtp+starttls://)")
    return value


def _sms_url(value: str | None) -> str | None:
    if value is None or value == "":
        return None
    url = urlsplit(value)
    if url.scheme == "mailto" and "{phone}@" in url.path:
        return value
    account = re.fullmatch(r"[0-9A-Za-z-]{1,64}", url.username or "")
    senders = parse_qs(url.query).get("from", ())
    is_sender = len(senders) == 1 and re.fullmatch(r"[0-9A-Za-z+&._ -]{1,40}", senders[0])
    if url.scheme in ("twilio", "twilio+http") and account and url.password and url.hostname and is_sender:
        return value
    raise ValueError(
        "is not an SMS URL; write twilio://account:token@api.twilio.com?from=%2B15005550006 or "
        "mailto:{phone}@sms-gateway.example"
    )


def _page_url(value: str | None) -> str | None:
    if value is None or value == "":
        return None
    if not re.fullmatch(r"https?://[^\s<>\"'\\#]+", value):
        raise ValueError("is not the address of a page; write https://www.example.com/invitation, without a #")
    return value


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for text in value:
        try:
            ip_network(text)
        except ValueError:
            raise ValueError(f"`{text}` is not a network; write 10.1.0.0/16,fd00:1::/64") from None
    return value


def _origins(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _dns_servers(value: tuple[str, ...]) -> tuple[str, ...]:
    for server in value:
        try:
            parts = urlsplit(f"//{server}")
            ip_address(parts.hostname or "")
            _ = parts.port
        except ValueError:
            raise ValueError("has to be addresses like 10.0.0.2, 10.0.0.2:5353 or [::1]:53, with commas") from None
    return value


def _base(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("is no address; it starts with https://")
    return value.rstrip("/")


DatabaseUrl = Annotated[str | None, AfterValidator(_database_url)]
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins), AfterValidator(_networks)]


class Settings(BaseSettings):
    """Settings of one process; every field is the variable `VQ_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix="VQ_", frozen=True, extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the API listens on.")
    data_dir: Path = Field(default=Path(".vq"), description="Embedded servers' data, generated secret, logs.")
    public_url: str | None = Field(
        default=None, description="URL users reach the API under; http://host:port if unset."
    )

    database_url: DatabaseUrl = Field(
        default=None, description="Administrator's PostgreSQL URL (≥ 15). Unset: the embedded server in the data dir."
    )
    database_app_url: DatabaseUrl = Field(default=None, description="URL of the serving role; derived if unset.")
    database_system_url: DatabaseUrl = Field(default=None, description="URL of the system role; derived if unset.")
    read_database_url: DatabaseUrl = Field(
        default=None,
        description="A replica's URL, for figures; name and password stay the serving role's. Unset: none.",
    )
    database_pool_size: int = Field(
        default=10, ge=1, le=100, description="Connections of an API process that write, and as many that read."
    )
    redis_url: Annotated[str | None, AfterValidator(_redis_url)] = Field(
        default=None, description="Redis ≥ 7 or Valkey URL. Unset: the embedded server."
    )
    bus_prefix: str = Field(
        default="vq:", description="Put before every topic, so that installations can share a Redis."
    )

    secret_key: str | None = Field(
        default=None,
        description="At least 32 characters; signs visitors' tokens, wraps signing keys, names role passwords.",
    )
    demo_site_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the demo's protected site; the first free one after VQ_PORT if unset.",
    )
    demo_password: str = Field(default="demo-password", min_length=8, description="Password of the seeded demo users.")

    access_token_seconds: int = Field(default=900, ge=30, description="Life of a user's access token.")
    refresh_token_seconds: int = Field(default=7 * 86400, ge=60, description="Life of an unused refresh token.")
    session_token_seconds: int = Field(default=7 * 86400, ge=60, description="Life of a visitor's session token.")
    access_token_algorithm: Literal["RS256", "Ed25519"] = Field(
        default="RS256", description="What new keys of access tokens are made for; `vq keys rotate` lets them sign."
    )
    admission_token_algorithm: Literal["RS256", "Ed25519"] = Field(
        default="RS256", description="What new keys of admission tokens are made for; `vq keys rotate` lets them sign."
    )

    smtp_url: Annotated[str | None, AfterValidator(_smtp_url)] = Field(
        default=None,
        description="Mail server, e.g. smtp+starttls://user:password@mail.example:587. Unset: e-mail is off.",
    )
    smtp_from: str = Field(default="Virtual Queue <no-reply@localhost>", description="Sender of e-mails.")
    sms_url: Annotated[str | None, AfterValidator(_sms_url)] = Field(
        default=None,
        description=(
            "Who sends SMS: twilio://account:token@api.twilio.com?from=%2B15005550006, or an e-mail gateway, "
            "mailto:{phone}@sms.example. Unset: SMS are off."
        ),
    )
    invitation_url: Annotated[str | None, AfterValidator(_page_url)] = Field(
        default=None,
        description="Your front-end's page for invitations; `#invitation=…` is added. Unset: mails hold the text.",
    )

    outbound_networks: Networks = Field(
        default=(),
        description="Comma-separated internal networks that may be asked where a business names an address; else none.",
    )
    plugins_off: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        default=(), description="Comma-separated plug-ins that are not loaded although they are there (`vq plugins`)."
    )
    dns_servers: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins), AfterValidator(_dns_servers)] = Field(
        default=(), description="Comma-separated servers asked for the TXT records of domains; the system's if unset."
    )
    health_poll_seconds: float = Field(
        default=10.0, gt=0, le=3600, description="How often a queue's health URL is asked, at most."
    )
    health_timeout_seconds: float = Field(
        default=5.0, gt=0, le=15, description="How long the answer of a health URL is waited for."
    )

    webhook_timeout_seconds: float = Field(
        default=30.0, gt=0, le=30, description="How long the answer of a webhook endpoint is waited for."
    )
    webhook_disable_after_hours: float = Field(
        default=120.0, gt=0, description="A webhook endpoint that has taken nothing for so long is switched off."
    )
    analytics_fact_months: int = Field(
        default=24,
        ge=3,
        le=240,
        description="Months for which single visits are kept for analytics; what they add up to is kept for good.",
    )

    rate_limit_requests: int = Field(
        default=1_000,
        ge=0,
        le=1_000_000,
        description="Requests a minute of one client (user, API key, visitor; else address), by cost; 0: no limit.",
    )
    rate_limit_sign_in: int = Field(
        default=5, ge=0, le=10_000, description="Attempts to sign in per network address in 15 minutes; 0 for no limit."
    )
    rate_limit_join: int = Field(
        default=20, ge=0, le=100_000, description="Visitors' joins per network address in 15 minutes; 0 for no limit."
    )
    rate_limit_codes: int = Field(
        default=5, ge=0, le=10_000, description="Codes sent per network address in 15 minutes; 0 for no limit."
    )
    rate_limit_registration: int = Field(
        default=5, ge=0, le=10_000, description="Registrations per network address in 15 minutes; 0 for no limit."
    )
    rate_limit_exempt: Networks = Field(
        default=(),
        description="Comma-separated networks that are not counted, as an office. "
        "Unset, `vq up` exempts this machine; empty, nobody.",
    )

    google_issuer: str = Field(default="https://accounts.google.com", description="Google, as an OpenID issuer.")
    google_client_id: str | None = Field(
        default=None, description="The installation's own client at Google, for tenants that have none."
    )
    google_client_secret: str | None = Field(default=None, description="Its secret.")
    microsoft_authority: Annotated[str, AfterValidator(_base)] = Field(
        default="https://login.microsoftonline.com", description="Microsoft; national clouds have another one."
    )
    microsoft_client_id: str | None = Field(
        default=None, description="The installation's own client at Microsoft, for tenants that have none."
    )
    microsoft_client_secret: str | None = Field(default=None, description="Its secret.")
    facebook_url: Annotated[str, AfterValidator(_base)] = Field(
        default="https://www.facebook.com/v23.0", description="Where people sign in with Facebook, with the version."
    )
    facebook_graph_url: Annotated[str, AfterValidator(_base)] = Field(
        default="https://graph.facebook.com/v23.0", description="Where Facebook is asked, with the version."
    )
    facebook_client_id: str | None = Field(
        default=None, description="The installation's own app at Facebook, for tenants that have none."
    )
    facebook_client_secret: str | None = Field(default=None, description="Its secret.")
    provider_timeout_seconds: float = Field(
        default=10.0, gt=0, le=30, description="How long an answer of a provider people sign in with is waited for."
    )

    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_origins)] = Field(
        default=(), description="Comma-separated origins of browser front-ends; * for any."
    )
    trusted_documents_only: bool = Field(
        default=False,
        description="Answer only the operations of frontend-contract; GraphiQL and introspection are over then.",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="Comma-separated networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    )
    hsts_seconds: int = Field(
        default=0,
        ge=0,
        description="How long browsers are to come by HTTPS only (HSTS); 0: nothing is said. A year is 31536000.",
    )
    graphiql: bool = Field(default=True, description="Serve GraphiQL at /graphql.")
    get_queries: bool = Field(default=False, description="Answer queries by GET too, for caches. Mutations never.")
    introspection: bool = Field(default=True, description="Answer introspection queries.")
    websocket_ping_seconds: float = Field(default=30.0, gt=0, description="Heartbeat of sockets.")
    websocket_stall_seconds: float = Field(
        default=60.0, gt=0, description="How long a peer may not read what it is sent before its socket is given up."
    )
    websocket_buffer_bytes: int = Field(
        default=8_192,
        ge=1_024,
        le=1_048_576,
        description="Send buffer of a socket in the kernel, which doubles it. What waits in it is stale.",
    )
    websocket_compression: bool = Field(
        default=False,
        description="Offer permessage-deflate. Costs 12–28 µs a message and 40–95 KB a socket to save 160 bytes.",
    )
    max_sockets: int = Field(default=20_000, ge=1, description="Sockets per process; more are closed with 1013.")
    max_sockets_per_address: int = Field(
        default=1_000, ge=0, description="Sockets and streams per process of one network address; 0 for no bound."
    )
    max_sockets_per_user: int = Field(
        default=100, ge=0, description="Those of one user, API key or visitor's token; 0 for no bound."
    )
    max_sockets_per_tenant: int = Field(
        default=0, ge=0, description="Those of everybody signed in to one tenant, visitors included; 0 for no bound."
    )
    max_query_depth: int = Field(default=12, ge=1, description="Deepest selection a document may have.")
    max_query_tokens: int = Field(default=450, ge=10, description="Most tokens a document may have.")
    max_query_aliases: int = Field(default=30, ge=0, description="Most aliases a document may have.")
    max_query_cost: int = Field(
        default=5_000, ge=1, description="Most points an operation may cost: objects it shows, times page sizes."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severity that is logged, as JSON on stderr."
    )

    @property
    def base_url(self) -> str:
        """Where clients find the API, without a trailing slash."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def local_url(self) -> str:
        """Where this machine finds the API: an address that means "all" is not one to connect to."""
        return self._local(self.port)

    @property
    def site_port(self) -> int:
        """Where the demo's protected site is, or is looked for first."""
        return self.demo_site_port or (self.port + 1 if self.port < 65_535 else self.port - 1)

    @property
    def site_origin(self) -> str:
        """Where browsers on this machine find the demo's protected site."""
        return self._local(self.site_port)

    def _local(self, port: int) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"

    @property
    def issuer(self) -> str:
        """Who signed a token. Where no public address is set, it may differ between processes, so it is in no token."""
        return self.public_url or "urn:virtual-queue"

    @property
    def secret(self) -> str:
        """The secret key; `SettingsError` if there is none."""
        if self.secret_key is None:
            raise SettingsError(
                "VQ_SECRET_KEY is not set: generate one with "
                "`python -c 'import secrets; print(secrets.token_hex(32))'`, or start with `vq up`, which keeps one."
            )
        return self.secret_key


def load_settings(**overrides: object) -> Settings:
    """Read the environment. `SettingsError` names the first wrong variable and the remedy."""
    try:
        settings = Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as problem:
        first = problem.errors()[0]
        name = "VQ_" + "_".join(str(part) for part in first["loc"]).upper()
        reason = str(first["msg"]).removeprefix("Value error, ")
        field = Settings.model_fields.get(str(first["loc"][0]))
        meaning = f" {field.description}" if field is not None and field.description else ""
        raise SettingsError(f"{name}: {reason} (got {_shown(name, first.get('input'))}).{meaning}") from None
    if settings.secret_key is None:
        stored = settings.data_dir / "secret.key"
        if stored.is_file():
            settings = settings.model_copy(update={"secret_key": stored.read_text().strip()})
    if settings.secret_key is not None and len(settings.secret_key) < 32:
        raise SettingsError(
            "VQ_SECRET_KEY: must have at least 32 characters; "
            "generate one with `python -c 'import secrets; print(secrets.token_hex(32))'`"
        )
    return settings


def ensure_secret(settings: Settings) -> Settings:
    """Settings with a secret key, generated into the data directory (mode 0600) when none is set."""
    if settings.secret_key is not None:
        return settings
    stored = settings.data_dir / "secret.key"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        with stored.open("x") as file:
            stored.chmod(0o600)
            file.write(secrets.token_hex(32))
    except FileExistsError:
        pass
    return settings.model_copy(update={"secret_key": stored.read_text().strip()})


def _shown(name: str, value: object) -> str:
    secret = any(word in name for word in ("URL", "SECRET", "PASSWORD"))
    return "a value not shown" if secret else repr(value)
