"""Lists that are shown whole have an end, however hard somebody tries."""

from uuid import UUID

import pytest
from sqlalchemy import text

from app.core.ids import parse
from app.queues.service import MAX_CATEGORIES
from app.sessions.service import MAX_NOTES
from tests.support.api import Api, Business

CATEGORY = """mutation($i: QueueCategoryCreateInput!) { queueCategoryCreate(input: $i) {
  __typename ... on InvalidInputError { field message }
} }"""
NOTE = """mutation($i: SessionAddNoteInput!) { sessionAddNote(input: $i) {
  __typename ... on InvalidInputError { field message }
} }"""
FILL = {
    "queue_categories": "insert into queue_categories (tenant_id, id, queue_id, name, priority, is_active, created_at)"
    " select :tenant, gen_random_uuid(), :owner, 'Category ' || n, 0, true, now() from generate_series(1, :count) n",
    "session_notes": "insert into session_notes (tenant_id, id, session_id, author, text_sealed, created_at)"
    " select :tenant, gen_random_uuid(), :owner, 'SYSTEM', '', now() from generate_series(1, :count) n",
}


async def fill(api: Api, table: str, owner_id: str, count: int) -> None:
    """So many rows at once."""
    tenant_id, key = parse(owner_id)[1]
    values: dict[str, UUID | int] = {"tenant": tenant_id, "owner": key, "count": count}
    async with api.runtime.dbs.system.write(tenant_id) as tx:
        await tx.exec(text(FILL[table]), params=values)  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", ["category", "note"])
async def test_a_full_list_takes_no_more(api: Api, business: Business, kind: str) -> None:
    queue_id = await business.queue()
    if kind == "category":
        await fill(api, "queue_categories", queue_id, MAX_CATEGORIES - 1)
        tries = [(CATEGORY, {"queueId": queue_id, "name": name}) for name in ("Last", "Too many")]
    else:
        session_id = (await business.join(queue_id)).id
        await fill(api, "session_notes", session_id, MAX_NOTES - 1)
        tries = [(NOTE, {"sessionId": session_id, "text": word}) for word in ("Last", "Too many")]

    last, too_many = [await business.admin(document, i=given) for document, given in tries]

    assert last["__typename"].endswith("Success")
    assert (too_many["__typename"], too_many["field"]) == (
        "InvalidInputError",
        f"{'queue' if kind == 'category' else 'session'}Id",
    )
    assert "at most 100" in too_many["message"]
