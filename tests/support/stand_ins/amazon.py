"""Amazon SES and SNS as far as they matter: requests are signed and formed as botocore itself does it, and a topic
posts messages that are signed with a certificate of its own.
"""

import base64
import json
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from typing import Any

import orjson
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from app.notifications.channels.interface import CallbackRequest
from tests.support.stand_ins.frame import Asked, Reply, StandIn

KEY_ID, SECRET, REGION = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:messages"
SENDER = "no-reply@shop.example"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=(\w+)"
)


class Amazon(StandIn):
    """Both services behind one address: each has its paths. Neither has idempotency for what we send."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[EmailMessage] = []
        self.texts: list[dict[str, str]] = []
        self.ids: list[str] = []
        self.confirmed: list[str] = []
        # What stands at its address never changes, so every stand-in has another one.
        self._pem = f"/SimpleNotificationService-{secrets.token_hex(16)}.pem"
        self.not_after = datetime.now(UTC) + timedelta(days=1)

    async def take(self, asked: Asked) -> Reply:
        if asked.method == "GET":
            return self._shown(asked)
        is_mail = asked.target == "/v2/email/outbound-emails"
        no = mail_error if is_mail else text_error
        if fault := self._unsigned(asked, "ses" if is_mail else "sns"):
            return self.refuse(fault, no(403, "SignatureDoesNotMatch", "The request signature does not match."))
        return self._mail(asked) if is_mail else self._text(asked)

    def _mail(self, asked: Asked) -> Reply:
        given = asked.json()
        given["Content"]["Raw"]["Data"] = content = base64.b64decode(given["Content"]["Raw"]["Data"], validate=True)
        operation = _service("sesv2").operation_model("SendEmail")
        if (report := ParamValidator().validate(given, operation.input_shape)).has_errors():
            return self.refuse("schema", mail_error(400, "BadRequestException", report.generate_report()))
        if unknown := set(given) - set(operation.input_shape.members):
            return self.refuse("schema", mail_error(400, "BadRequestException", f"unknown: {unknown}"))
        message = message_from_bytes(content, policy=default)
        if given["FromEmailAddress"] != SENDER or SENDER not in str(message["From"]):
            text = f"Email address is not verified: {given['FromEmailAddress']}"
            return self.refuse("sender", mail_error(400, "MessageRejected", text))
        self.mails.append(message)
        self.ids.append(f"0107{secrets.token_hex(8)}-{secrets.token_hex(8)}-000000")
        return Reply.json({"MessageId": self.ids[-1]})

    def _text(self, asked: Asked) -> Reply:
        form = asked.form()
        attributes = {
            form[name]: {
                "DataType": form[name.replace(".Name", ".Value.DataType")],
                "StringValue": form[name.replace(".Name", ".Value.StringValue")],
            }
            for name in form
            if name.endswith(".Name")
        }
        given = {
            "PhoneNumber": form.get("PhoneNumber"),
            "Message": form.get("Message"),
            "MessageAttributes": attributes,
        }
        model = _service("sns")
        as_botocore = create_serializer("query").serialize_to_request(given, model.operation_model("Publish"))["body"]
        if form != as_botocore:
            return self.refuse("form", text_error(400, "InvalidParameter", "Invalid parameter"))
        if not re.fullmatch(r"\+[1-9][0-9]{5,14}", form["PhoneNumber"]):
            text = f"Invalid parameter: PhoneNumber Reason: {form['PhoneNumber']} is not valid to publish to"
            return self.refuse("to", text_error(400, "InvalidParameter", text))
        self.texts.append({**form, **{name: each["StringValue"] for name, each in attributes.items()}})
        self.ids.append(secrets.token_hex(16))
        result = f"<PublishResult><MessageId>{self.ids[-1]}</MessageId></PublishResult>"
        return _xml(200, f"<PublishResponse>{result}<ResponseMetadata/></PublishResponse>")

    def _unsigned(self, asked: Asked, service: str) -> str | None:
        """What is wrong with a signature; None if botocore comes to the same one."""
        found = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
        if found is None:
            return "authentication"
        key, day, region, named, signed, signature = found.groups()
        at = asked.headers.get("x-amz-date", "")
        if (key, region, named) != (KEY_ID, REGION, service) or not at.startswith(day):
            return "scope"
        if abs(datetime.now(UTC) - datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)) > timedelta(minutes=5):
            return "date"
        if not {"host", "x-amz-date", "content-type"} <= set(signed.split(";")):
            return "signed headers"
        headers = {name: asked.headers[name] for name in signed.split(";")}
        request = AWSRequest(method=asked.method, url=self.base + asked.target, data=asked.body, headers=headers)
        request.context["timestamp"] = at
        auth = SigV4Auth(Credentials(KEY_ID, SECRET), service, REGION)
        wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        return None if wanted == signature else "signature"

    def _shown(self, asked: Asked) -> Reply:
        if asked.path == self._pem:
            return Reply(200, self._certificate(), {"Content-Type": "application/x-pem-file"})
        if asked.query.get("Action") == "ConfirmSubscription":
            self.confirmed.append(asked.query["Token"])
            return _xml(200, "<ConfirmSubscriptionResponse/>")
        return self.refuse("address", text_error(404, "NotFound", asked.target))

    def _certificate(self) -> bytes:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        builder = (
            x509.CertificateBuilder(name, name, _key().public_key(), x509.random_serial_number())
            .not_valid_before(self.not_after - timedelta(days=30))
            .not_valid_after(self.not_after)
        )
        return builder.sign(_key(), hashes.SHA256()).public_bytes(Encoding.PEM)

    def notification(self, url: str, said: Any, *, version: str = "2") -> CallbackRequest:
        """What the topic posts when something was published to it."""
        message = said if isinstance(said, str) else json.dumps(said)
        posted = {"Type": "Notification", "MessageId": "m-1", "Message": message, "Subject": "Amazon SES"}
        return self._posted(url, posted, ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"), version)

    def confirmation(self, url: str, *, at: str | None = None, token: str = "confirm-1") -> CallbackRequest:
        """What the topic posts first."""
        subscribe = f"{at or self.base}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"
        posted = {"Type": "SubscriptionConfirmation", "MessageId": "m-0", "Message": "You have chosen to subscribe …"}
        posted |= {"Token": token, "SubscribeURL": subscribe}
        signed = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
        return self._posted(url, posted, signed, "1")

    def _posted(self, url: str, posted: dict[str, str], signed: tuple[str, ...], version: str) -> CallbackRequest:
        posted |= {
            "TopicArn": TOPIC,
            "Timestamp": "2026-11-21T12:00:00.000Z",
            "SignatureVersion": version,
            "SigningCertURL": f"{self.base}{self._pem}",
        }
        text = "".join(f"{name}\n{posted[name]}\n" for name in signed)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = _key().sign(text.encode(), padding.PKCS1v15(), algorithm)
        posted["Signature"] = base64.b64encode(signature).decode()
        headers = {"Content-Type": "text/plain; charset=UTF-8", "x-amz-sns-message-type": posted["Type"]}
        return CallbackRequest(url, headers, orjson.dumps(posted))


def altered(callback: CallbackRequest, **changes: str) -> CallbackRequest:
    """The same message with something else in it."""
    posted: Mapping[str, str] = orjson.loads(callback.body)
    return CallbackRequest(callback.url, callback.headers, orjson.dumps({**posted, **changes}))


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@cache
def _service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def mail_error(status: int, code: str, message: str) -> Reply:
    """How SES says no."""
    return Reply.json({"message": message}, status, X_Amzn_ErrorType=f"{code}:http://internal.amazon.com/")


def text_error(status: int, code: str, message: str) -> Reply:
    """How SNS says no."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return _xml(status, f"<ErrorResponse>{error}</ErrorResponse>")


def _xml(status: int, body: str) -> Reply:
    return Reply(status, f'<?xml version="1.0"?>{body}'.encode(), {"Content-Type": "text/xml"})
