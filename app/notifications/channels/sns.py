"""SMS by Amazon SNS: publishing to a number, and what people answer, which comes through a topic.

Whether an SMS arrived SNS tells to CloudWatch only: messages stay SENT.
"""

import re
from typing import Annotated
from urllib.parse import urlencode

from pydantic import Field

from app.core.outbound import Answer
from app.notifications.channels.aws import AwsCredentials, AwsOptions, ask_signed, aws_refusal
from app.notifications.channels.interface import (
    Accepted,
    CallbackReading,
    CallbackRequest,
    Inbound,
    InDoubt,
    Message,
    Outcome,
    Provider,
    TryLater,
)
from app.notifications.channels.topics import notified
from app.notifications.models import NotificationChannel

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")
_OPTED_OUT = "opted out"


class SnsOptions(AwsOptions):
    """Whom the messages come from."""

    sender_id: Annotated[str, Field(pattern=r"^[0-9-]*[A-Za-z][A-Za-z0-9-]*$", max_length=11)] | None = Field(
        default=None, description="A name of at most 11 letters and digits, where the country allows it."
    )
    origination_number: Annotated[str, Field(pattern=r"^\+?[0-9]{4,15}$")] | None = Field(
        default=None, description="A number of yours at Amazon; people can answer to it."
    )


class SnsProvider(Provider[SnsOptions, AwsCredentials]):
    """SNS's Publish to a number. It has no idempotency key for these: what is sent twice arrives twice."""

    name = "SNS"
    title = "SMS by Amazon SNS"
    channels = frozenset({NotificationChannel.SMS})
    Options = SnsOptions
    Credentials = AwsCredentials
    reports = True

    async def send(self, message: Message) -> Outcome:
        """One message, as a transactional one: what cannot wait."""
        chosen, text = self.options, message.body.strip()
        attributes = {
            "AWS.SNS.SMS.SMSType": "Transactional",
            "AWS.SNS.SMS.SenderID": chosen.sender_id,
            "AWS.MM.SMS.OriginationNumber": chosen.origination_number,
        }
        form = {"Action": "Publish", "Version": "2010-03-31", "PhoneNumber": message.to, "Message": text}
        given = [(name, value) for name, value in attributes.items() if value is not None]
        for number, (name, value) in enumerate(given, start=1):
            entry = f"MessageAttributes.entry.{number}"
            form |= {f"{entry}.Name": name, f"{entry}.Value.DataType": "String", f"{entry}.Value.StringValue": value}
        answer = await ask_signed(
            self.around,
            chosen,
            self.credentials,
            "sns",
            f"{chosen.service_url('sns')}/",
            "application/x-www-form-urlencoded; charset=utf-8",
            urlencode(form).encode(),
        )
        if isinstance(answer, TryLater | InDoubt):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(_element(answer, "MessageId"))
        code, words = _element(answer, "Code") or "", _element(answer, "Message") or ""
        return aws_refusal(answer, code, words, message.to, text, is_gone=_OPTED_OUT in words)

    async def read_callback(self, request: CallbackRequest) -> CallbackReading:
        """A message somebody sent to our number, as two-way SMS publishes it to the topic."""
        said = await notified(request, self.options.topic_arn, self.options.topic_url, self.around)
        if said is None:
            return CallbackReading()
        id, sender, text = said.get("inboundMessageId"), said.get("originationNumber"), said.get("messageBody")
        if not (isinstance(id, str) and isinstance(sender, str) and isinstance(text, str)):
            return CallbackReading()  # something else is published there as well
        if not _NUMBER.fullmatch(sender):
            return CallbackReading()
        return CallbackReading(inbound=[Inbound(id, NotificationChannel.SMS, sender, text)])


def _element(answer: Answer, name: str) -> str | None:
    # A text between two tags is all that is wanted of it: no parser has to be trusted with what comes.
    found = re.search(rf"<{name}>([^<]{{1,1000}})</{name}>", answer.body.decode("utf-8", "replace"))
    return found[1].strip() if found else None
