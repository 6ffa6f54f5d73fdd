"""Preferences through the API: a visitor's, a user's, staff's, and whoever may not."""

from typing import Any

import pytest

from app.identity.models import Role
from tests.contract.operations import operation
from tests.support.api import Api, Business, Caller, GraphQLFailed

MINE, SET = operation("MyNotificationPreferences"), operation("NotificationPreferencesSet")
OF, DEFAULTS = operation("NotificationPreferences"), operation("NotificationDefaults")
SET_DEFAULTS, OPT_OUT = operation("NotificationDefaultsSet"), operation("NotificationOptOut")
SET_OPT_OUT = operation("NotificationOptOutSet")
ALL = ["EMAIL", "SMS", "WHATSAPP", "PUSH", "IN_APP", "CHAT"]
NIGHT = {"starts": "22:00:00", "ends": "07:00:00"}


async def refused(caller: Caller, document: str, **variables: Any) -> str:
    with pytest.raises(GraphQLFailed) as failed:
        await caller(document, **variables)
    return str(failed.value.code)


async def me(caller: Caller) -> str:
    viewer = await caller("{ viewer { ... on User { id } } }")
    return str(viewer["id"])


async def test_a_visitor_chooses_for_their_place_and_staff_see_it(business: Business) -> None:
    queue = await business.queue()
    anna, ben = await business.join(queue), await business.join(queue)
    before = await anna.visitor(MINE)
    assert (before["channels"], before["revision"], before["inForce"]["channels"]) == (None, 0, ALL)
    given = {"channels": ["SMS", "EMAIL"], "locale": "fr", "quietHours": NIGHT, "timeZone": "Europe/Paris"}
    done = await anna.visitor(SET, input=given)
    assert done["__typename"] == "NotificationPreferencesSetSuccess"
    mine = await anna.visitor(MINE)
    assert mine == done["notificationPreferences"]
    assert mine == {
        **given,
        "channels": ["EMAIL", "SMS"],
        "isOptedOut": False,
        "revision": 1,
        "inForce": {**given, "channels": ["EMAIL", "SMS"]},
    }
    assert await business.admin(OF, sessionId=anna.id) == mine
    # What is left out stays, null takes away, and no messages are no messages.
    again = (await anna.visitor(SET, input={"quietHours": None, "isOptedOut": True}))["notificationPreferences"]
    assert (again["locale"], again["quietHours"], again["inForce"]["channels"]) == ("fr", None, [])
    assert (await ben.visitor(MINE))["revision"] == 0


async def test_a_user_chooses_for_themselves_and_an_administrator_for_anybody(business: Business) -> None:
    member = await business.user(Role.STAFF)
    id = await me(member)
    done = await member(SET, input={"userId": id, "channels": []})
    assert done["notificationPreferences"]["inForce"]["channels"] == []
    assert (await member(MINE))["channels"] == []
    assert (await business.admin(OF, userId=id))["channels"] == []
    done = await business.admin(SET, input={"userId": id, "channels": None})
    assert done["notificationPreferences"]["revision"] == 2


async def test_who_may_not(api: Api, business: Business) -> None:
    queue = await business.queue()
    anna, ben = await business.join(queue), await business.join(queue)
    other, staff, customer = (
        await api.new_business(),
        await business.user(Role.STAFF),
        await business.user(Role.CUSTOMER),
    )
    admin = await me(business.admin)
    assert await refused(ben.visitor, SET, input={"sessionId": anna.id, "isOptedOut": True}) == "NOT_FOUND"
    assert await refused(other.admin, SET, input={"sessionId": anna.id, "isOptedOut": True}) == "NOT_FOUND"
    assert await refused(other.admin, SET, input={"userId": admin, "isOptedOut": True}) == "NOT_FOUND"
    assert await refused(api.anonymous, SET, input={"sessionId": anna.id}) == "UNAUTHENTICATED"
    assert await refused(api.anonymous, MINE) == "UNAUTHENTICATED"
    assert await refused(staff, SET, input={"userId": admin, "isOptedOut": True}) == "FORBIDDEN"
    assert await refused(staff, OF, userId=admin) == "FORBIDDEN"
    assert await refused(customer, SET, input={"sessionId": anna.id}) == "FORBIDDEN"
    assert await refused(anna.visitor, OF, userId=admin) == "UNAUTHENTICATED"
    assert await refused(business.admin, OF, userId=admin, sessionId=anna.id) == "BAD_USER_INPUT"
    assert (await anna.visitor(MINE))["revision"] == 0
    assert (await business.admin(MINE))["revision"] == 0


@pytest.mark.parametrize(
    ("wrong", "field"), [({"locale": "klingon!"}, "locale"), ({"timeZone": "Mars/Phobos"}, "timeZone")]
)
async def test_what_is_no_choice_is_refused(business: Business, wrong: dict[str, Any], field: str) -> None:
    done = await business.admin(SET, input={"channels": ["SMS"], **wrong})
    assert (done["__typename"], done["field"]) == ("InvalidInputError", field)
    assert (await business.admin(MINE))["channels"] is None


async def test_the_businesss_defaults(api: Api, business: Business) -> None:
    anna = await business.join(await business.queue())
    nothing = {"channels": None, "quietHours": None, "moreTimePlaces": 3, "revision": 0}
    assert await business.admin(DEFAULTS) == nothing
    done = await business.admin(SET_DEFAULTS, input={"channels": ["SMS"], "quietHours": NIGHT, "moreTimePlaces": 5})
    set_so = {"channels": ["SMS"], "quietHours": NIGHT, "moreTimePlaces": 5, "revision": 1}
    assert done["notificationDefaults"] == set_so
    in_force = (await anna.visitor(MINE))["inForce"]
    assert (in_force["channels"], in_force["quietHours"]) == (["SMS"], NIGHT)
    for places in (0, 101):
        done = await business.admin(SET_DEFAULTS, input={"moreTimePlaces": places})
        assert (done["__typename"], done["field"]) == ("InvalidInputError", "moreTimePlaces")
    for caller in (await business.user(Role.STAFF), anna.visitor, api.anonymous):
        assert await refused(caller, SET_DEFAULTS, input={}) in ("FORBIDDEN", "UNAUTHENTICATED")
        assert await refused(caller, DEFAULTS) in ("FORBIDDEN", "UNAUTHENTICATED")
    assert await business.admin(DEFAULTS) == set_so
    assert await (await api.new_business()).admin(DEFAULTS) == nothing


async def test_staff_put_an_address_on_the_list_as_its_owner_has_asked(api: Api, business: Business) -> None:
    address = {"channel": "SMS", "recipient": "+49 (30) 901820"}
    assert await business.admin(OPT_OUT, **address) is None
    done = (await business.admin(SET_OPT_OUT, input=address))["notificationOptOut"]
    assert (done["isOptedOut"], done["source"], done["revision"]) == (True, "STAFF", 1)
    same = {"channel": "SMS", "recipient": "+4930901820"}
    assert await business.admin(OPT_OUT, **same) == done
    other = await api.new_business()
    assert await other.admin(OPT_OUT, **same) is None
    staff = await business.user(Role.STAFF)
    assert await refused(staff, SET_OPT_OUT, input={**same, "isOptedOut": False}) == "FORBIDDEN"
    assert await refused(staff, OPT_OUT, **same) == "FORBIDDEN"
    back = (await business.admin(SET_OPT_OUT, input={**same, "isOptedOut": False}))["notificationOptOut"]
    assert (back["isOptedOut"], back["revision"]) == (False, 2)
    wrong = await business.admin(SET_OPT_OUT, input={"channel": "SMS", "recipient": "030 901820"})
    assert (wrong["__typename"], wrong["field"]) == ("InvalidInputError", "recipient")
    assert await refused(business.admin, OPT_OUT, channel="PUSH", recipient="x") == "BAD_USER_INPUT"
