"""`vq audit` as an administrator runs it: its words and its exit codes."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from app.core.ids import decode
from app.settings import Settings
from tests.audit.conftest import Tamper, Verify
from tests.commands.runs import vq
from tests.servers import SECRET_KEY
from tests.support.api import Business

Audit = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
def audit(migrated_settings: Settings) -> Audit:
    """Runs the command; its exit code and what it printed."""
    env = {
        "VQ_DATABASE_URL": migrated_settings.database_url or "",
        "VQ_REDIS_URL": migrated_settings.redis_url or "",
        "VQ_SECRET_KEY": SECRET_KEY,
    }

    async def run(*arguments: str) -> tuple[int, str]:
        # The relay goes on in this loop meanwhile.
        done = await asyncio.to_thread(vq, "audit", *arguments, env=env)
        return done.returncode, done.stdout + done.stderr

    return run


async def test_verdict_head_and_manipulation(business: Business, audit: Audit, check: Verify, tamper: Tamper) -> None:
    await check(decode("Queue", await business.queue()).tenant_id)
    only = ("--tenant", business.slug)
    code, head = await audit("head", *only)
    assert code == 0
    noted = re.fullmatch(rf"{business.slug} ([0-9]+:[0-9a-f]{{64}})\n", head)
    assert noted is not None, head
    code, said = await audit("verify", *only, "--head", noted[1])
    assert (code, said.split()[0]) == (0, "ok"), said
    code, said = await audit("verify", *only, "--head", "1:" + 64 * "0")
    assert code == 1
    assert "the noted seal is not in the chain: seal 1" in said
    await tamper(
        "update events set actor = 'ANONYMOUS' where type = 'TENANT_CREATED'"
        " and tenant_id = (select id from tenants where slug = $1)",
        business.slug,
    )
    code, said = await audit("verify", *only)
    assert (code, said.split()[0]) == (1, "broken")
    assert re.search(r"an event is not what was sealed: tenant [0-9a-f-]{36}, revision 1, of ", said)


async def test_what_cannot_be_meant_is_refused(audit: Audit) -> None:
    assert await audit("verify", "--tenant", "nobody") == (1, "vq: There is no tenant 'nobody'.\n")
    code, said = await audit("verify", "--head", "1:00")
    assert (code, "--tenant" in said) == (1, True)
    code, said = await audit("verify", "--tenant", "nobody", "--head", "first")
    assert (code, said) == (1, "vq: --head is NUMBER:HEX, as `vq audit head` prints it.\n")
