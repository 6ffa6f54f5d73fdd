"""TXT records as name servers tell them: whole, in time, and not mistaken for silence."""

import pytest

from app.core.outbound.txt import MAX_RECORDS, NoDns, txt_records
from tests.support.dns_server import name_server


async def test_records_come_in_one_piece_each() -> None:
    async with name_server() as names:
        names.records["_x.shop.example"] = ["one", "x" * 600]
        assert sorted(await txt_records("_x.shop.example", servers=[names.server])) == ["one", "x" * 600]


async def test_no_such_name_and_a_name_without_records_have_none() -> None:
    async with name_server() as names:
        names.records["empty.example"] = []
        assert await txt_records("empty.example", servers=[names.server]) == []
        assert await txt_records("nowhere.example", servers=[names.server]) == []
        # As it was given: no search list appended.
        assert names.asked == ["empty.example", "nowhere.example"]


async def test_many_records_are_read_up_to_a_bound() -> None:
    async with name_server() as names:
        names.records["many.example"] = [f"n{number}" for number in range(MAX_RECORDS + 1)]
        assert len(await txt_records("many.example", servers=[names.server])) == MAX_RECORDS


async def test_silence_is_not_the_same_as_nothing() -> None:
    async with name_server() as names:
        names.is_silent = True
        with pytest.raises(NoDns):
            await txt_records("shop.example", servers=[names.server], timeout_seconds=0.1)
