"""Health for load balancers and operators: alive, and ready with the reason if not."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlmodel import select
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.core.db.admin import newest_migration
from app.core.jobs.alive import worker_alive
from app.runtime import Runtime

_DEADLINE_SECONDS = 2.0


def health_routes(runtime: Runtime) -> list[Route]:
    """`/health/live`: the process answers. `/health/ready`: it can serve; 503 without database or migrations.

    The bus and the worker are reported but do not make a process unready: joins and calls go on without them.
    """
    newest = newest_migration()

    async def database() -> str | None:
        async with runtime.dbs.app.read(None) as tx:
            await tx.exec(select(1))
        return None

    async def migrations() -> str | None:
        async with runtime.dbs.system.read(None) as tx:
            found = (await tx.exec(text("select version_num from alembic_version"))).scalar_one_or_none()  # type: ignore[call-overload]
        return None if found == newest else f"at {found}, not {newest}: run `vq migrate`"

    async def bus() -> str | None:
        return None if runtime.bus.connected else "not connected: check VQ_REDIS_URL"

    async def worker() -> str | None:
        return None if await worker_alive(runtime.settings) else "no worker has reported: start `vq worker`"

    async def live(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ready(request: Request) -> Response:
        names = ["database", "migrations", "bus", "worker"]
        problems = await asyncio.gather(*(_checked(check) for check in (database, migrations, bus, worker)))
        checks = {name: problem or "ok" for name, problem in zip(names, problems, strict=True)}
        can_serve = problems[0] is None and problems[1] is None
        status = "ok" if not any(problems) else "degraded" if can_serve else "unavailable"
        return JSONResponse({"status": status, "checks": checks}, 200 if can_serve else 503)

    return [Route("/health/live", live), Route("/health/ready", ready)]


async def _checked(check: Callable[[], Awaitable[str | None]]) -> str | None:
    try:
        async with asyncio.timeout(_DEADLINE_SECONDS):
            return await check()
    except TimeoutError:
        return f"no answer within {_DEADLINE_SECONDS:g} s"
    except Exception as problem:  # noqa: BLE001 (whatever it is, the answer is "not ready", without its details)
        return f"failed: {type(problem).__name__}"
