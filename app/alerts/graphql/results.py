"""Results of the mutations of alerts and their rules: a success, or a refusal one can act on."""

from typing import Annotated

import strawberry

from app.alerts.errors import AlertIsOver, AlertRuleChanged
from app.alerts.graphql.types import Alert, AlertRule
from app.core.graphql.errors import InvalidInputError, UserError, error_type
from app.tenants.graphql.results import LimitReachedError


@error_type(AlertIsOver, "The alert is over: there is nothing left to acknowledge.")
class AlertIsOverError(UserError):
    pass


@error_type(AlertRuleChanged, "Somebody has changed the rule since it was read.")
class AlertRuleChangedError(UserError):
    revision: int = strawberry.field(description="Its revision now: read it again, and decide again.")


@strawberry.type(description="The rule is followed from now on.")
class AlertRuleCreateSuccess:
    alert_rule: AlertRule = strawberry.field(description="The new rule.")


@strawberry.type(description="The rule was changed.")
class AlertRuleUpdateSuccess:
    alert_rule: AlertRule = strawberry.field(description="The rule as it is now.")


@strawberry.type(description="The rule is gone, and its open alerts are over.")
class AlertRuleDeleteSuccess:
    alert_rule_id: strawberry.ID = strawberry.field(description="The id it had.")


@strawberry.type(description="Somebody takes care of the alert: the caller, or who said so before.")
class AlertAcknowledgeSuccess:
    alert: Alert = strawberry.field(description="The alert as it is now.")


AlertRuleCreateResult = Annotated[
    AlertRuleCreateSuccess | InvalidInputError | LimitReachedError,
    strawberry.union("AlertRuleCreateResult", description="What `alertRuleCreate` answers."),
]
AlertRuleUpdateResult = Annotated[
    AlertRuleUpdateSuccess | InvalidInputError | AlertRuleChangedError,
    strawberry.union("AlertRuleUpdateResult", description="What `alertRuleUpdate` answers."),
]
AlertRuleDeleteResult = Annotated[
    AlertRuleDeleteSuccess | AlertRuleChangedError,
    strawberry.union("AlertRuleDeleteResult", description="What `alertRuleDelete` answers."),
]
AlertAcknowledgeResult = Annotated[
    AlertAcknowledgeSuccess | AlertIsOverError,
    strawberry.union("AlertAcknowledgeResult", description="What `alertAcknowledge` answers."),
]
