"""Files with who people are in them go with a person, and before anything else of theirs."""

from datetime import timedelta

import pytest

from app.core.errors import NotFound
from app.privacy import work
from app.transfers import files
from tests.privacy.conftest import EMAIL, Shop


async def test_files_that_would_bring_somebody_in_again_go_before_anything_else(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = shop.business.api.runtime.dbs.app
    async with db.write(shop.tenant_id) as tx:
        ends_at = tx.now() + timedelta(days=1)
        sent = await files.store(
            tx, name="import", media_type="text/csv", expires_at=ends_at, personal=True, content=EMAIL.encode()
        )
    # Nothing but finding the person is done.
    monkeypatch.setattr(work, "ERASURE", {})
    await shop.done("PersonErase", email=EMAIL)
    async with db.read(shop.tenant_id) as tx:
        with pytest.raises(NotFound):
            await files.get(tx, sent.id)
