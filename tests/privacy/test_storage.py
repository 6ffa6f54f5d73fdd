"""What a tenant's files may take: refused when it is asked for, or when it is known how large the file would be."""

from typing import Any

from tests.contract.operations import operation
from tests.privacy.conftest import EMAIL, Shop, Tamper

_LIMITED = "update tenants set limits = limits || jsonb_build_object('storage_megabytes', $2::int) where id = $1"
# Nobody else's file is changed: its bytes are only counted.
_LARGE = "update privacy_requests set content_sealed = decode(repeat('00', $2), 'hex') where tenant_id = $1"


async def seen(shop: Shop) -> tuple[int, int]:
    """Limit and use, as the tenant sees them."""
    query = "query($s: String!) { tenant(slug: $s) { limits { storageMegabytes } usage { storageMegabytes } } }"
    answer: dict[str, Any] = await shop.business.admin(query, s=shop.business.slug)
    return answer["limits"]["storageMegabytes"], answer["usage"]["storageMegabytes"]


async def test_files_count_until_they_are_gone(shop: Shop, tamper: Tamper) -> None:
    assert await seen(shop) == (10_000, 0)
    assert (await shop.done("PersonExport", email=EMAIL))["status"] == "DONE"
    assert await seen(shop) == (10_000, 1)
    await tamper(_LIMITED, shop.tenant_id, 1)
    await tamper(_LARGE, shop.tenant_id, 1_000_000)
    refused = await shop.ask("PersonExport", email=EMAIL)
    assert (refused["__typename"], refused["limit"], refused["maximum"]) == ("LimitReachedError", "storageMegabytes", 1)
    await shop.done("PersonErase", email=EMAIL)
    assert await seen(shop) == (1, 0)
    assert (await shop.done("PersonExport", email="other@mail.example"))["status"] == "DONE"


async def test_a_file_that_turns_out_too_large_is_not_kept(shop: Shop, tamper: Tamper) -> None:
    assert (await shop.done("PersonExport", email="other@mail.example"))["status"] == "DONE"
    await tamper(_LIMITED, shop.tenant_id, 1)
    await tamper(_LARGE, shop.tenant_id, 999_999)
    asked = await shop.ask("PersonExport", email=EMAIL)
    assert asked["__typename"] == "PersonExportSuccess"
    done = await shop.do(asked["request"])
    assert (done["status"], done["counts"], done["downloadUrl"]) == ("FAILED", {}, None)
    assert "storageMegabytes" in done["failure"]
    listed = await shop.business.admin(operation("PrivacyRequestList"), first=100)
    assert sorted(edge["node"]["status"] for edge in listed["edges"]) == ["DONE", "FAILED"]
