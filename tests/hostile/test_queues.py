"""Queues configured by somebody who means ill: refused when they are configured, not when the first visitor comes."""

import pytest

from tests.support.api import Business, GraphQLFailed

CREATE = """mutation($i: QueueCreateInput!) { queueCreate(input: $i) {
  __typename ... on QueueCreateSuccess { queue { id dailyResetTime } } ... on InvalidInputError { field message }
} }"""
UPDATE = """mutation($i: QueueUpdateInput!) { queueUpdate(input: $i) {
  __typename ... on QueueUpdateSuccess { queue { id dailyResetTime } } ... on InvalidInputError { field message }
} }"""


@pytest.mark.parametrize("reset", ["10:00:00Z", "10:00:00+02:00", "00:00:00-23:59"])
async def test_a_reset_time_has_no_zone_of_its_own(business: Business, reset: str) -> None:
    """It is a time on the queue's clock; with another zone in it every join would fail."""
    created = await business.admin(CREATE, i={"name": "Queue", "slug": "queue", "dailyResetTime": reset})
    updated = await business.admin(UPDATE, i={"queueId": await business.queue(), "dailyResetTime": reset})
    for refused in (created, updated):
        assert (refused["__typename"], refused["field"]) == ("InvalidInputError", "dailyResetTime")


@pytest.mark.parametrize("reset", ["00:00:00", "23:59:59.999999", "04:30"])
async def test_people_join_whatever_the_reset_time(business: Business, reset: str) -> None:
    queue_id = await business.queue(dailyResetTime=reset, timeZone="Pacific/Kiritimati")
    assert (await business.join(queue_id)).ticket == "A001"


async def test_a_search_for_what_no_text_holds_is_refused(business: Business) -> None:
    with pytest.raises(GraphQLFailed) as refusal:
        await business.admin(
            "query($s: String) { queues(first: 5, filter: { search: $s }) { edges { cursor } } }", s="\x00"
        )
    assert refusal.value.code == "BAD_USER_INPUT"
    assert "U+0000" in refusal.value.errors[0]["message"]


async def test_a_slug_that_no_text_holds_is_refused(business: Business) -> None:
    with pytest.raises(GraphQLFailed) as refusal:
        await business.admin(
            "query($t: String!, $s: String!) { queueBySlug(tenantSlug: $t, slug: $s) { id } }",
            t=business.slug,
            s="\x00",
        )
    assert refusal.value.code == "BAD_USER_INPUT"
