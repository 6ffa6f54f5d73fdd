"""What Amazon's services have in common: how requests to them are signed, and how they say no. Sends nothing itself."""

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from app.core.outbound import Answer
from app.notifications.channels.http import BaseUrl, HttpOptions, ask, refusal
from app.notifications.channels.interface import InDoubt, Refused, Settings, Surroundings, TryLater

# They say with 400 what others say with 429, or with 401.
_TOO_FAST = re.compile(r"Throttl|TooManyRequests|RequestLimitExceeded|LimitExceeded|MaximumSendingRate", re.IGNORECASE)
_OURS = re.compile(
    r"Signature|ClientToken|AccessDenied|NotAuthorized|AuthorizationError|ExpiredToken|Credential|OptInRequired"
    r"|NotVerified|AccountSuspended|SendingPaused|ConfigurationSet|RequestExpired",
    re.IGNORECASE,
)

Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]{1,2}$", max_length=40)]
TopicArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$")]


class AwsOptions(HttpOptions):
    """Where a service is, and whose news are believed."""

    region: Region = Field(description="For example `eu-central-1`.")
    base_url: BaseUrl | None = Field(default=None, description="Null: Amazon's own address in the region.")
    topic_arn: TopicArn | None = Field(
        default=None,
        description="The SNS topic whose messages are believed: `arn:aws:sns:…`. Null: none are.",
    )
    topic_base_url: BaseUrl | None = Field(
        default=None, description="Where SNS has its certificates; null: at Amazon's own address in the region."
    )

    def service_url(self, service: str) -> str:
        """The service's address, without a trailing slash."""
        return self.base_url or amazon(service, self.region)

    @property
    def topic_url(self) -> str:
        """Where messages of the topic may ask us to look. A topic's region stands in its name."""
        region = self.region if self.topic_arn is None else self.topic_arn.split(":")[3]
        return self.topic_base_url or amazon("sns", region)


class AwsCredentials(Settings):
    """An access key that may do nothing but send."""

    access_key_id: str = Field(pattern=r"^[A-Za-z0-9]{4,128}$", description="`AKIA…`")
    secret_access_key: str = Field(min_length=1, max_length=200, description="Its secret.")


def amazon(service: str, region: str) -> str:
    """Amazon's own address of a service."""
    return f"https://{service}.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


async def ask_signed(
    around: Surroundings,
    options: AwsOptions,
    credentials: AwsCredentials,
    service: str,
    url: str,
    content_type: str,
    body: bytes,
) -> Answer | TryLater | InDoubt:
    """`ask`, signed with the access key (Signature Version 4)."""
    headers = {"Content-Type": content_type}
    signed = await asyncio.to_thread(_signed, credentials, service, options.region, url, headers, body)
    return await ask(around, url, signed, body, timeout_seconds=options.timeout_seconds)


def aws_refusal(answer: Answer, code: str, text: str, *private: str, is_gone: bool = False) -> TryLater | Refused:
    """What an answer other than 2xx means; `code` is the service's word for it."""
    words = f"{code} {text}".strip()
    judged = refusal(answer, words, *private, who="Amazon", is_gone=is_gone)
    if isinstance(judged, Refused) and not is_gone:
        if _TOO_FAST.search(code):
            return TryLater(judged.reason)
        if _OURS.search(code) or "not verified" in text:
            return TryLater(judged.reason, is_ours=True)
    return judged


def _signed(
    credentials: AwsCredentials, service: str, region: str, url: str, headers: Mapping[str, str], body: bytes
) -> dict[str, str]:
    # Half a second and 20 MB: only for who sends this way, and not in the loop.
    from botocore.auth import SigV4Auth  # type: ignore[import-untyped]
    from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
    from botocore.credentials import Credentials  # type: ignore[import-untyped]

    request = AWSRequest(method="POST", url=url, data=body, headers=dict(headers))
    key = Credentials(credentials.access_key_id, credentials.secret_access_key)
    SigV4Auth(key, service, region).add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}
