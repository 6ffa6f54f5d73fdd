"""Results of the mutations of rules of messages: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.notifications.errors import MessageRuleHasTexts
from app.notifications.graphql.rules.types import MessageRule
from app.tenants.graphql.results import LimitReachedError


@error_type(MessageRuleHasTexts, "The rule has texts of its own, which would be lost with it.")
class MessageRuleHasTextsError(UserError):
    text_count: int = strawberry.field(description="How many.")


@strawberry.type(description="The rule is in force from now on.")
class MessageRuleCreateSuccess:
    message_rule: MessageRule = strawberry.field(description="The new rule.")


@strawberry.type(description="The rule was changed.")
class MessageRuleUpdateSuccess:
    message_rule: MessageRule = strawberry.field(description="The rule as it is now.")


@strawberry.type(description="The rule is gone. If it was the last of its kind in a queue, the built-in ones are back.")
class MessageRuleDeleteSuccess:
    message_rule_id: strawberry.ID = strawberry.field(description="The id it had.")


MessageRuleCreateResult = Annotated[
    MessageRuleCreateSuccess | InvalidInputError | LimitReachedError,
    strawberry.union("MessageRuleCreateResult", description="What `messageRuleCreate` answers."),
]
MessageRuleUpdateResult = Annotated[
    MessageRuleUpdateSuccess | InvalidInputError,
    strawberry.union("MessageRuleUpdateResult", description="What `messageRuleUpdate` answers."),
]
MessageRuleDeleteResult = Annotated[
    MessageRuleDeleteSuccess | MessageRuleHasTextsError,
    strawberry.union("MessageRuleDeleteResult", description="What `messageRuleDelete` answers."),
]
