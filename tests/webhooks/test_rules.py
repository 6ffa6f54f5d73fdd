"""What is decided from plain values: here, from what others say."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.outbound import Answer
from app.notifications.channels.http import retry_after as of_provider
from app.webhooks.rules import retry_after as of_endpoint

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        "",
        "soon",
        "²",
        "Mon, 31 Feb 2026 00:00:00 GMT",
        "Mon, 01 Jan 99999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999",
    ],
)
def test_a_wish_that_cannot_be_read_is_none(said: str) -> None:
    """What could not be read would not be written down either, and be tried again for ever."""
    headers = {"retry-after": said}
    assert of_endpoint(headers, NOW) == timedelta(0)
    assert of_provider(Answer(503, "", b"", 0.1, headers)) is None
