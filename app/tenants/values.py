"""What a tenant may set about itself: settings, branding, limits, each typed and with a default for everything.

They are stored as JSON and checked whenever they are built, so that whoever reads them never meets a wrong one.
"""

import re
from typing import Annotated, Any, NamedTuple, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from app.core.errors import InvalidInput


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("Give an IANA time zone, e.g. `Europe/Berlin`.") from None
    return value


def _locale(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}", value):
        raise ValueError("Give a BCP 47 language tag, e.g. `en` or `pt-BR`.")
    return value


def _web_address(value: str) -> str:
    if len(value) > 2000 or not re.fullmatch(r"https?://[^\s<>\"'\\]+", value):
        raise ValueError("Give an address that starts with https:// or http://, at most 2,000 characters.")
    return value


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("Give a colour as six hexadecimal digits, e.g. `#1a73e8`.")
    return value.lower()


def _short_text(value: str) -> str:
    if len(value) > 280 or "\x00" in value:
        raise ValueError("Use at most 280 characters.")
    return value


Colour = Annotated[str, AfterValidator(_colour)]
ShortText = Annotated[str, AfterValidator(_short_text)]

Value = TypeVar("Value", bound="TenantValue")


class TenantValue(BaseModel):
    """Base of the three: immutable; what an older or newer release stored besides is ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def changed(self, section: str, changes: dict[str, Any]) -> Self:
        """With some values replaced. `InvalidInput` names the wrong one as `section.field`."""
        try:
            return type(self).model_validate(self.model_dump() | changes)
        except ValidationError as problem:
            first = problem.errors()[0]
            name = to_camel(str(first["loc"][0]))
            raise InvalidInput(f"{section}.{name}", f"`{name}`: {first['msg'].removeprefix('Value error, ')}") from None


class TenantSettings(TenantValue):
    """How a tenant works."""

    shift_required: bool = False
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    default_locale: Annotated[str, AfterValidator(_locale)] = "en"
    registration_open: bool = False
    # Roles by name: what a role is, is identity's business.
    second_factor_roles: list[str] = Field(default_factory=list)
    second_factor_codes: bool = True
    trusted_documents_only: bool = False
    # A wait up to this is good service, where nobody asks with another threshold.
    service_level_seconds: int = Field(default=600, ge=1, le=86_400)


class TenantDemands(NamedTuple):
    """What a tenant has every request keep to, whoever sends it. Asked for with each of them, so it is short."""

    requests_per_minute: int
    trusted_documents_only: bool


class TenantBranding(TenantValue):
    """How a tenant looks to its visitors."""

    logo_url: Annotated[str, AfterValidator(_web_address)] | None = None
    primary_color: Colour | None = None
    background_color: Colour | None = None
    welcome_text: ShortText | None = None
    waiting_text: ShortText | None = None
    called_text: ShortText | None = None


class TenantLimits(TenantValue):
    """How much a tenant may use. Raised and lowered by the platform; lowering one takes nothing away that is there."""

    queues: int = Field(default=100, ge=0, le=100_000)
    waiting_sessions: int = Field(default=100_000, ge=0, le=10_000_000)
    counters: int = Field(default=500, ge=0, le=100_000)
    staff: int = Field(default=500, ge=1, le=100_000)
    customers: int = Field(default=1_000_000, ge=0, le=100_000_000)
    api_keys: int = Field(default=50, ge=0, le=10_000)
    requests_per_minute: int = Field(default=600_000, ge=60, le=100_000_000)
    custom_roles: int = Field(default=50, ge=0, le=1_000)
    storage_megabytes: int = Field(default=10_000, ge=0, le=10_000_000)
