"""Where a person is pushed to is theirs: it is in their export, and goes with them; a stranger's stays."""

from tests.contract.operations import operation
from tests.privacy.conftest import EMAIL, Shop, Tamper
from tests.support.api import Joined

TOKEN = "a-canary-of-an-app:0815"


async def register(who: Joined, token: str) -> None:
    answer = await who.visitor(operation("PushDeviceRegister"), input={"fcmToken": token})
    assert answer["__typename"] == "PushDeviceRegisterSuccess", answer


async def test_devices_are_exported_and_erased(shop: Shop, tamper: Tamper) -> None:
    await register(shop.jane, TOKEN)
    await register(shop.stranger, "a-token-of-an-app:0001")
    exported = await shop.file(await shop.done("PersonExport", email=EMAIL))
    [device] = exported["data"]["push_devices"]
    assert TOKEN in device["address"]
    await shop.done("PersonErase", email=EMAIL)
    left = await tamper("select session_id from push_devices where tenant_id = $1", shop.tenant_id)
    assert len(left) == 1
    assert (await shop.done("PersonExport", email=EMAIL))["counts"] == {}
