"""Exporting one person: everything that is held, nobody else's, behind a link that ends."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from app.core.ids import parse
from app.privacy import links
from tests.contract.operations import operation
from tests.privacy.conftest import EMAIL, IDENTIFIER, PHONE, Shop, Tamper
from tests.support.api import Api


async def test_the_file_holds_everything_of_the_person(shop: Shop) -> None:
    done = await shop.done("PersonExport", email=EMAIL.upper(), userIdentifier=IDENTIFIER)
    assert (done["status"], done["doneSteps"], done["totalSteps"]) == ("DONE", 1, 1)
    file = await shop.file(done)
    assert file["foundBy"] == {"email": EMAIL.upper(), "userIdentifier": IDENTIFIER}
    data: dict[str, list[dict[str, Any]]] = file["data"]
    assert {name: len(rows) for name, rows in data.items()} == done["counts"]
    (user,) = data["users"]
    assert (user["email"], user["first_name"], user["phone"]) == (EMAIL, "Canary", PHONE)
    (session,) = data["sessions"]
    assert session["user_identifier"] == IDENTIFIER
    assert (session["email"].lower(), session["phone"]) == (EMAIL, PHONE)
    assert session["visitor_metadata"] == {"wish": "canary metadata"}
    assert [note["text"] for note in data["session_notes"]] == ["a canary note"]
    assert [entry["kind"] for entry in data["access_entries"]] == ["BYPASS"]
    assert [login["user_id"] for login in data["logins"]] == [str(parse(shop.account)[1].id)]
    assert "somebody else" not in repr(file)
    assert "another note" not in repr(file)


async def test_no_secret_leaves_with_it(shop: Shop) -> None:
    file = await shop.file(await shop.done("PersonExport", email=EMAIL))
    names = {name for rows in file["data"].values() for row in rows for name in row}
    assert not [name for name in names if "hash" in name or "sealed" in name or name.endswith("_index")]
    assert "argon2" not in repr(file)


@pytest.mark.parametrize(
    "subject", [{"email": EMAIL}, {"phone": "+4915123450815"}, {"userIdentifier": IDENTIFIER}], ids=lambda s: str([*s])
)
async def test_each_way_finds_the_session(shop: Shop, subject: dict[str, str]) -> None:
    assert (await shop.done("PersonExport", **subject))["counts"]["sessions"] == 1


async def test_of_nobody_nothing_is_held(shop: Shop) -> None:
    done = await shop.done("PersonExport", email="nobody@mail.example")
    assert (done["status"], done["counts"]) == ("DONE", {})


async def test_a_link_is_good_for_itself_and_for_a_while(shop: Shop, api: Api) -> None:
    done = await shop.done("PersonExport", email=EMAIL)
    path = urlsplit(done["downloadUrl"]).path
    response = await api.http.get(path)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-disposition"].startswith("attachment")
    forged = path[:-2] + ("AA" if not path.endswith("AA") else "BB")
    assert [(await api.http.get(each)).status_code for each in (forged, links.PATH + "/x", links.PATH + "/é")] == [
        404
    ] * 3
    ref, now = parse(done["id"])[1], api.runtime.clock.now()
    old = links.link("", api.runtime.settings.secret, ref, now - links.LIFETIME * 2)
    assert (await api.http.get(old)).status_code == 404
    waiting = (await shop.ask("PersonExport", email=EMAIL))["request"]
    assert waiting["downloadUrl"] is None
    early = links.link("", api.runtime.settings.secret, parse(waiting["id"])[1], now)
    assert (await api.http.get(early)).status_code == 404


async def test_each_fetch_stands_in_the_log(shop: Shop) -> None:
    done = await shop.done("PersonExport", email=EMAIL)
    await shop.file(done)
    entries = await shop.business.admin(operation("AuditEntryList"), filter={"objectId": done["id"]})
    told = [(edge["node"]["type"], edge["node"]["actor"]["kind"]) for edge in entries["edges"]]
    assert told == [
        ("PERSON_EXPORT_DOWNLOADED", "ANONYMOUS"),
        ("PRIVACY_REQUEST_DONE", "SYSTEM"),
        ("PERSON_EXPORT_REQUESTED", "USER"),
    ]
    assert "canary" not in repr(entries).lower()


async def test_who_is_asked_about_lies_sealed(shop: Shop, tamper: Tamper) -> None:
    await shop.done("PersonExport", email=EMAIL, userIdentifier=IDENTIFIER, phone=PHONE)
    rows = await tamper("select to_jsonb(r)::text as row from privacy_requests r where tenant_id = $1", shop.tenant_id)
    assert rows
    assert "canary" not in repr(rows)
    assert "23450815" not in repr(rows)


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({}, "email"),
        ({"email": "no address"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"phone": "no digits"}, "phone"),
        ({"userIdentifier": ""}, "userIdentifier"),
    ],
)
@pytest.mark.parametrize("name", ["PersonExport", "PersonErase"])
async def test_what_names_nobody_is_refused(shop: Shop, name: str, input: dict[str, str], field: str) -> None:
    answer = await shop.ask(name, **input)
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", field)


async def test_another_business_finds_its_own(shop: Shop, api: Api) -> None:
    other = await api.new_business()
    asked = await other.admin(operation("PersonExport"), export={"email": EMAIL})
    their = Shop(other, await other.queue(), shop.jane, shop.stranger, shop.account)
    done = await their.do(asked["request"])
    assert done["counts"] == {}
