"""What an operator says about a protected site, checked when the site starts. Nothing here is asked of the service."""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

_PARAMETERS = re.compile(r";[^/\\]*")


class OptionsError(ValueError):
    """One line: which option is wrong and what to write instead."""


class FailureMode(StrEnum):
    """What a site does while the service cannot be asked."""

    FAIL_OPEN = "FAIL_OPEN"
    """Everybody passes, as if there were no waiting room."""
    FAIL_CLOSED = "FAIL_CLOSED"
    """Whoever is inside stays until the admission ends; nobody new passes."""
    QUEUE = "QUEUE"
    """What the queue itself declares (`Queue.failureMode`), as last heard; closed until it has been heard once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One protected site (or one part of it) and the queue in front of it."""

    service_url: str
    """Where this server reaches Virtual Queue, e.g. `https://queue.example`."""
    queue_id: str
    """The queue, by its id in the API."""
    site_origin: str
    """Where browsers find this site, e.g. `https://shop.example`. One of the queue's `siteOrigins`."""
    public_service_url: str = ""
    """Where browsers reach Virtual Queue; the same as `service_url` unless given."""
    failure_mode: FailureMode = FailureMode.QUEUE
    """What happens while the service cannot be asked."""
    protected: tuple[str, ...] = ("/",)
    """Beginnings of the paths that are protected."""
    open: tuple[str, ...] = ()
    """Beginnings of paths that are not, though they lie in those: health checks, styles, payment callbacks."""
    path: str = "/vq"
    """Where the connector's own pages are: `<path>/leave` and `<path>/renew`."""
    after_leave: str = ""
    """Where to go after leaving, an absolute URL or a path of an open page; a page that says so unless given."""
    cookie: str = "vq_admission"
    """The cookie's name; two queues in front of one site need two."""
    timeout_seconds: float = 2.0
    """How long the service may take to answer."""
    retry_seconds: float = 5.0
    """How long a service that did not answer is left alone."""
    keys_seconds: float = 300.0
    """How old the service's public keys may be before they are asked for again."""
    leeway_seconds: float = 5.0
    """By how much this machine's clock may be behind the service's."""

    def __post_init__(self) -> None:
        for name in ("service_url", "site_origin", "public_service_url"):
            value = getattr(self, name).rstrip("/") or (self.service_url if name == "public_service_url" else "")
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
                raise OptionsError(f"{name}: write an address such as https://shop.example (got {value!r}).")
            if name == "site_origin" and (parts.path or parts.query or parts.fragment):
                raise OptionsError(f"{name}: only scheme, host and port, such as https://shop.example (got {value!r}).")
            object.__setattr__(self, name, value)
        if not self.queue_id:
            raise OptionsError("queue_id: write the queue's id, as the API gives it.")
        object.__setattr__(self, "failure_mode", FailureMode(self.failure_mode))
        for name in ("protected", "open"):
            if not all(path.startswith("/") for path in getattr(self, name)):
                raise OptionsError(f"{name}: paths begin with a slash.")
        if not self.path.startswith("/") or self.path.endswith("/"):
            raise OptionsError("path: begins with a slash and does not end with one, such as /vq.")

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach the site by https, and cookies may go no other way."""
        return self.site_origin.startswith("https://")

    @property
    def leave_path(self) -> str:
        """Where visitors leave."""
        return f"{self.path}/leave"

    @property
    def renew_path(self) -> str:
        """Where a page that is read for long asks to stay."""
        return f"{self.path}/renew"

    def protects(self, path: str) -> bool:
        """Whether a path needs an admission: if anything a server may take it for does, unless all of that is open."""
        seen = _readings(path)
        # Some sites take `/Shop` for `/shop`. What is open in one spelling need not be in another.
        protected = tuple(each.lower() for each in self.protected)
        return any(_begins(each.lower(), protected) for each in seen) and not all(
            _begins(each, self.open) for each in seen
        )


def _begins(path: str, prefixes: tuple[str, ...]) -> bool:
    """Whole segments only: `/shop` is the beginning of `/shop/1`, not of `/shopping`."""
    return any(path == each or path.startswith(each if each.endswith("/") else f"{each}/") for each in prefixes)


def _readings(path: str) -> set[str]:
    """A path as it came, and as servers read it that resolve `..` and `//`, drop parameters (`/a;b`) or a fragment."""
    without = path.partition("#")[0]
    given = [path, without, _PARAMETERS.sub("", path), _PARAMETERS.sub("", without)]
    return {*given, *map(_resolved, given)}


def _resolved(path: str) -> str:
    kept: list[str] = []
    for segment in path.replace("\\", "/").split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept)
