"""What the demo's programs ask about the demo's metered queue, as any client may ask it."""

from dataclasses import dataclass

from app.replay.client import ApiError, Client

TENANT_SLUG, QUEUE_SLUG = "demo", "sale"

_QUEUE = """query DemoQueue($tenantSlug: String!, $slug: String!) { queueBySlug(tenantSlug: $tenantSlug, slug: $slug) {
  id siteOrigins releaseRatePerMinute maxConcurrentUsers waitingCount calledCount servingCount } }"""


@dataclass(frozen=True, slots=True)
class DemoQueue:
    """The queue as it is now."""

    id: str
    site_origin: str
    rate_per_minute: int | None
    most_inside: int | None
    waiting: int
    released: int
    inside: int


async def demo_queue(client: Client, *, patience: float | None = None) -> DemoQueue:
    """The demo's queue; `ServerAwayError` if nobody answers in time, `ApiError` if there is none."""
    variables = {"tenantSlug": TENANT_SLUG, "slug": QUEUE_SLUG}
    match (await client.execute(_QUEUE, variables, patience=patience)).get("queueBySlug"):
        case {
            "id": str(id),
            "siteOrigins": [str(origin), *_],
            "releaseRatePerMinute": int() | None as rate,
            "maxConcurrentUsers": int() | None as most,
            "waitingCount": int(waiting),
            "calledCount": int(released),
            "servingCount": int(inside),
        }:
            return DemoQueue(id, origin, rate, most, waiting, released, inside)
    raise ApiError(f"The server has no demo queue `{TENANT_SLUG}/{QUEUE_SLUG}`; `vq seed` makes it.")
