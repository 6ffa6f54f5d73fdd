"""Inputs of the session mutations."""

from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.access.codes import CodeSigner
from app.access.passes import serial_of
from app.context import Context
from app.core.errors import InvalidInput, NotFound
from app.queues.graphql.inputs import KEY
from app.sessions.graphql.enums import ReturnPlace, VisitorDevice
from app.sessions.models import Device
from app.sessions.service import JoinRequest


@strawberry.input(description="How to reach a visitor.")
class ContactInput:
    email: str | None = strawberry.field(
        default=None, description='E-mail address; gets "3 people ahead" and "you are called".'
    )
    phone: str | None = strawberry.field(default=None, description="Phone number, 4 to 32 characters.")


@strawberry.input(description="Who joins which queue. Only `queueId` is needed.")
class QueueJoinInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    user_identifier: str | None = strawberry.field(
        default=None,
        description="Who this is, at most 200 characters: one active place per person and queue. Null: a stranger.",
    )
    priority: int | None = strawberry.field(
        default=None,
        description=(
            "From 0 to 9; visitors may give themselves at most the queue's `visitorMaxPriority`. "
            "Default: the category's, or 0."
        ),
    )
    category_id: strawberry.ID | None = strawberry.field(default=None, description="A category of the queue.")
    access_code: str | None = strawberry.field(
        default=None,
        description="A code the tenant has handed out. It is used when the visitor is let in, and not by a refusal.",
    )
    party_size: int = strawberry.field(default=1, description="How many people, 1 to 50. Default 1.")
    contact: ContactInput | None = strawberry.field(default=None, description="How to reach the visitor.")
    locale: str | None = strawberry.field(default=None, description="Language of messages, e.g. `en` or `pt-BR`.")
    device: VisitorDevice = strawberry.field(  # type: ignore[valid-type]
        default=Device.BROWSER,
        description="What the visitor waits with: how long the place is kept may differ. Default `BROWSER`.",
    )
    metadata: JSON | None = strawberry.field(
        default=None, description="An object of your own, at most 8 KB as JSON and 32 levels deep."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def request(self, context: Context) -> JoinRequest:
        """What the service takes."""
        contact = self.contact or ContactInput()
        queue = context.public_ref("Queue", self.queue_id)
        category = None if self.category_id is None else context.public_ref("QueueCategory", self.category_id)
        if category is not None and category.tenant_id != queue.tenant_id:
            raise NotFound("QueueCategory")
        code = None
        if self.access_code is not None:
            code = serial_of(CodeSigner(context.runtime.settings.secret), *queue, self.access_code)
        return JoinRequest(
            queue_id=queue.id,
            user_identifier=self.user_identifier,
            priority=self.priority,
            category_id=None if category is None else category.id,
            code=code,
            party_size=self.party_size,
            email=contact.email,
            phone=contact.phone,
            locale=self.locale,
            device=self.device,
            metadata=_object(self.metadata),
        )


def _object(value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise InvalidInput("metadata", "`metadata` is a JSON object.")
    return value


@strawberry.input(description="From which queue to call, and to which counter.")
class QueueCallNextInput:
    queue_id: strawberry.ID = strawberry.field(description="The queue.")
    counter_id: strawberry.ID = strawberry.field(description="The counter; it has to be free.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Whom to call, and to which counter.")
class SessionCallInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be WAITING.")
    counter_id: strawberry.ID = strawberry.field(description="The counter; it has to be free.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Whom to call again.")
class SessionRecallInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be CALLED.")


@strawberry.input(description="Whose service starts.")
class SessionStartInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be CALLED.")


@strawberry.input(description="Whose service is over.")
class SessionCompleteInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be SERVING.")


@strawberry.input(description="Who did not come.")
class SessionMarkNoShowInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be CALLED.")


@strawberry.input(description="Whose place is given up.")
class SessionCancelInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be WAITING or CALLED.")
    reason: str | None = strawberry.field(default=None, description="At most 500 characters.")


@strawberry.input(description="Who goes back into the line.")
class SessionReturnToQueueInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be CALLED or SERVING.")
    place: ReturnPlace = strawberry.field(  # type: ignore[valid-type]
        default=ReturnPlace.ORIGINAL,
        description="Where to. Default `ORIGINAL`.",
    )


@strawberry.input(description="Who lets others go first.")
class SessionStepBackInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be in line.")
    places: int = strawberry.field(default=3, description="How many people to let go first, 1 to 100. Default 3.")


@strawberry.input(description="Who waits outside the line for a while.")
class SessionHoldInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be in line.")


@strawberry.input(description="Who comes back into the line.")
class SessionUnholdInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be on hold.")


@strawberry.input(description="Who moves to which queue.")
class SessionTransferInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be WAITING, CALLED or SERVING.")
    to_queue_id: strawberry.ID = strawberry.field(description="The queue to move to; it has to be open to join.")


@strawberry.input(description="Whose priority changes.")
class SessionSetPriorityInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be WAITING.")
    priority: int = strawberry.field(description="From 0 to 9; the higher, the sooner.")


@strawberry.input(description="Who brings which code.")
class SessionUseAccessCodeInput:
    session_id: strawberry.ID = strawberry.field(description="The session; it has to be WAITING.")
    access_code: str = strawberry.field(description="A code of its queue that the tenant has handed out.")


@strawberry.input(description="What to write down about whom.")
class SessionAddNoteInput:
    session_id: strawberry.ID = strawberry.field(description="The session.")
    text: str = strawberry.field(description="1 to 2,000 characters; visitors do not see it.")
