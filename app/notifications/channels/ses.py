"""E-mail by Amazon SES: the message as it is written down, and what SES publishes of it through an SNS topic."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import orjson
from pydantic import Field

from app.notifications.channels.aws import AwsCredentials, AwsOptions, ask_signed, aws_refusal
from app.notifications.channels.http import masked, read_json
from app.notifications.channels.interface import (
    Accepted,
    CallbackReading,
    CallbackRequest,
    InDoubt,
    Message,
    Outcome,
    Provider,
    Refused,
    StatusReport,
    TryLater,
)
from app.notifications.channels.mail import Mail, MailFailure, SenderAddress, compose, message_id_for
from app.notifications.channels.topics import notified
from app.notifications.models import NotificationChannel


class SesOptions(AwsOptions):
    """Whom the mails come from, and how they are watched over."""

    sender: SenderAddress = Field(description="`Name <address>`; the address or its domain is verified at SES.")
    configuration_set: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = Field(
        default=None, description="The configuration set that publishes events to the topic."
    )


class SesProvider(Provider[SesOptions, AwsCredentials]):
    """SES's API, v2. It has no idempotency key; and it puts a Message-ID of its own in place of ours."""

    name = "SES"
    title = "E-mail by Amazon SES"
    channels = frozenset({NotificationChannel.EMAIL})
    Options = SesOptions
    Credentials = AwsCredentials
    reports = True

    async def send(self, message: Message) -> Outcome:
        """The same mail as by SMTP, handed over in one request."""
        chosen = self.options
        try:
            mail = compose(
                Mail(
                    message_id_for(chosen.sender, message.key),
                    chosen.sender,
                    message.to,
                    message.subject,
                    message.body,
                    message.language,
                    message.written_at,
                    message.unsubscribe_url,
                    message.attachments,
                )
            )
            [sender], [recipient] = mail["From"].addresses, mail["To"].addresses
            content = mail.as_bytes()
        except MailFailure as failure:
            return Refused(failure.reason, is_gone=failure.is_gone)
        except ValueError:
            return Refused("The message cannot be written as an e-mail.")
        body: dict[str, Any] = {
            "FromEmailAddress": sender.addr_spec,
            "Destination": {"ToAddresses": [recipient.addr_spec]},
            "Content": {"Raw": {"Data": base64.b64encode(content).decode()}},
            "EmailTags": [{"Name": "key", "Value": message.key.replace(".", "-")}],
        }
        if chosen.configuration_set is not None:
            body["ConfigurationSetName"] = chosen.configuration_set
        answer = await ask_signed(
            self.around,
            chosen,
            self.credentials,
            "ses",
            f"{chosen.service_url('email')}/v2/email/outbound-emails",
            "application/json",
            orjson.dumps(body),
        )
        if isinstance(answer, TryLater | InDoubt):
            return answer
        if 200 <= answer.status < 300:
            return Accepted(read_json(answer, lambda said: said["MessageId"]))
        code = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
        code = code or (read_json(answer, lambda said: said["__type"]) or "").rpartition("#")[2]
        words = read_json(answer, lambda said: said.get("message") or said["Message"]) or ""
        return aws_refusal(answer, code, words, message.to, recipient.addr_spec)

    async def read_callback(self, request: CallbackRequest) -> CallbackReading:
        """An event of the configuration set, or a notification of the identity: both come through the topic."""
        said = await notified(request, self.options.topic_arn, self.options.topic_url, self.around)
        report = None if said is None else _report(said)
        return CallbackReading(reports=[] if report is None else [report])


def _report(said: Mapping[str, object]) -> StatusReport | None:
    """What it says of a message of ours; None if it is about something else."""
    id = _part(said, "mail").get("messageId")
    if not isinstance(id, str):
        return None
    kind = said.get("eventType") or said.get("notificationType")
    match kind:
        case "Delivery":
            return StatusReport(id, True, _time(_part(said, "delivery")))
        case "Complaint":
            when = _time(_part(said, "complaint"))
            return StatusReport(id, True, when, "The recipient reported the message as spam.", is_gone=True)
        case "Bounce":
            bounce = _part(said, "bounce")
            first = _first(bounce.get("bouncedRecipients"))
            to = str(first.get("emailAddress", ""))
            kinds = f"{bounce.get('bounceType', '')} {bounce.get('bounceSubType', '')}"
            reason = masked(f"It bounced ({kinds.strip()}): {first.get('diagnosticCode', '')}", to)
            return StatusReport(id, False, _time(bounce), reason, is_gone=bounce.get("bounceType") == "Permanent")
        case "Reject" | "Rendering Failure":
            return StatusReport(id, False, None, f"SES reported {kind}.")
        case "Open" | "Click" | "Subscription":
            return StatusReport(id, True)
        case "Send" | "DeliveryDelay":
            return StatusReport(id, None)
    return None


def _part(said: Mapping[str, object], name: str) -> Mapping[str, object]:
    part = said.get(name)
    return part if isinstance(part, dict) else {}


def _first(value: object) -> Mapping[str, object]:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else {}


def _time(part: Mapping[str, object]) -> datetime | None:
    text = part.get("timestamp")
    try:
        when = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    # Without a zone it could not be compared with ours.
    return when if when is not None and when.tzinfo is not None else None
