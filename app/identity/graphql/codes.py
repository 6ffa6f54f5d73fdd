"""The refusal of every mutation that sends a code. What a code is good for is that mutation's business."""

import strawberry

from app.core.graphql.errors import UserError, error_type
from app.identity.accounts import errors


@error_type(errors.TooManyCodes, "The address was sent 6 messages within an hour or 20 within a day, whoever asked.")
class TooManyCodesError(UserError):
    retry_after_seconds: int = strawberry.field(description="When the next one can be sent.")
