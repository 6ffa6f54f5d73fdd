"""Which servers a command works with: the ones that are set, or this data directory's embedded ones."""

from collections.abc import Iterator
from contextlib import contextmanager

from app.commands.errors import CommandError
from app.core.embedded import ServerUrls, attach, running
from app.settings import Settings, ensure_secret, load_settings


@contextmanager
def settings_with_servers(command: str) -> Iterator[Settings]:
    """Settings with both URLs and a secret; embedded servers are started for the block if none run."""
    settings = load_settings()
    if settings.database_url is not None and settings.redis_url is not None:
        yield ensure_secret(settings)
        return
    with running(settings.data_dir, command) as urls:
        yield ensure_secret(with_urls(settings, urls))


def settings_of_running_servers() -> Settings:
    """Settings with both URLs, for a process that stays: it must not be the one that owns the servers."""
    settings = load_settings()
    if settings.database_url is not None and settings.redis_url is not None:
        return settings
    if (urls := attach(settings.data_dir)) is not None:
        settings = with_urls(settings, urls)
    if settings.database_url is None or settings.redis_url is None:
        missing = "VQ_DATABASE_URL" if settings.database_url is None else "VQ_REDIS_URL"
        raise CommandError(
            f"{missing} is not set and no embedded servers run in {settings.data_dir}: "
            "start everything with `vq up`, or set VQ_DATABASE_URL and VQ_REDIS_URL."
        )
    return settings


def with_urls(settings: Settings, urls: ServerUrls) -> Settings:
    """Fill in what is not set."""
    return settings.model_copy(
        update={
            "database_url": settings.database_url or urls.database_url,
            "redis_url": settings.redis_url or urls.redis_url,
        }
    )
