"""Which URL each database role connects with."""

from sqlalchemy.engine import make_url

from app.core.crypto import derive_key
from app.settings import Settings, SettingsError

OWNER_ROLE = "vq_owner"
APP_ROLE = "vq_app"
SYSTEM_ROLE = "vq_system"


def admin_url(settings: Settings) -> str:
    """The administrator's URL; `SettingsError` if none is set."""
    if settings.database_url is None:
        raise SettingsError(
            "VQ_DATABASE_URL is not set: give postgresql://user:password@host:5432/name, "
            "or use `vq up`, which starts a server of its own."
        )
    return settings.database_url


def role_password(settings: Settings, role: str) -> str:
    """The password of a role: derived from the secret key, so that it is stored nowhere."""
    return derive_key(settings.secret, f"database role {role}").hex()


def role_url(settings: Settings, role: str) -> str:
    """The URL a role connects with: as set, or the administrator's with name and password replaced."""
    given = {APP_ROLE: settings.database_app_url, SYSTEM_ROLE: settings.database_system_url}[role]
    if given is not None:
        return given
    url = make_url(admin_url(settings)).set(username=role, password=role_password(settings, role))
    return url.render_as_string(hide_password=False)


def replica_url(settings: Settings) -> str | None:
    """The URL the serving role reads figures with: the replica's server and database, the role's name and password."""
    if settings.read_database_url is None:
        return None
    own = make_url(role_url(settings, APP_ROLE))
    there = make_url(settings.read_database_url).set(username=own.username, password=own.password)
    return there.render_as_string(hide_password=False)
