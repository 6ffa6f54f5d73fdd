"""Lines to estimate for: one plain one to change a detail of, and any at all."""

from dataclasses import replace

from hypothesis import strategies as st

from app.estimates.values import Features

PLAIN = Features(
    ahead=3,
    ahead_alike=1,
    on_duty=2,
    service_seconds=120.0,
    starts_per_second=1 / 60,
    last_wait_seconds=200.0,
    last_wait_age_seconds=30.0,
    last_wait_alike_seconds=None,
    head_wait_seconds=150.0,
    credit_seconds=0.0,
    local_hour=10.5,
    category="A",
)

_seconds = st.floats(0, 1e6)
_maybe = st.none() | _seconds


def line(**details: object) -> Features:
    """The plain line with other details."""
    return replace(PLAIN, **details)  # type: ignore[arg-type]


lines = st.builds(
    Features,
    ahead=st.integers(0, 100_000),
    ahead_alike=st.floats(0, 100_000),
    on_duty=st.integers(0, 500),
    service_seconds=_maybe,
    starts_per_second=st.floats(0, 1_000),
    last_wait_seconds=_maybe,
    last_wait_age_seconds=_seconds,
    last_wait_alike_seconds=_maybe,
    head_wait_seconds=_seconds,
    credit_seconds=_seconds,
    local_hour=st.floats(0, 24, exclude_max=True),
    category=st.text(max_size=3),
)
