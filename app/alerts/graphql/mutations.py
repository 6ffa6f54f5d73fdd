"""The mutations of alerts and their rules: each opens a block and calls one verb."""

import strawberry

from app.alerts import service
from app.alerts.graphql import inputs, results
from app.alerts.graphql.types import Alert, AlertRule
from app.alerts.live import ring
from app.context import Info
from app.core.graphql.permissions import Requires
from app.identity.permissions import Permission


@strawberry.type
class AlertMutation:
    @strawberry.mutation(
        description="Make a rule: when an alert is raised, and whom which channels tell. At most 100 in a tenant.",
        extensions=[Requires(Permission.ALERT_WRITE)],
    )
    async def alert_rule_create(self, info: Info, input: inputs.AlertRuleCreateInput) -> results.AlertRuleCreateResult:
        new = input.rule(info.context)
        async with info.context.write() as tx:
            rule = await service.create(tx, new)
        return results.AlertRuleCreateSuccess(alert_rule=AlertRule.of(rule))

    @strawberry.mutation(
        description="Change a rule. Disabled, its open alerts are over.",
        extensions=[Requires(Permission.ALERT_WRITE)],
    )
    async def alert_rule_update(self, info: Info, input: inputs.AlertRuleUpdateInput) -> results.AlertRuleUpdateResult:
        ref = info.context.ref("AlertRule", input.alert_rule_id)
        changes = input.changes(info.context)
        async with info.context.write() as tx:
            rule = await service.update(tx, ref.id, changes, revision=input.revision)
        await ring(info.context.runtime.bus, rule.tenant_id)
        return results.AlertRuleUpdateSuccess(alert_rule=AlertRule.of(rule))

    @strawberry.mutation(
        description="Delete a rule. Its open alerts are over; they, and those before, stay to be read.",
        extensions=[Requires(Permission.ALERT_WRITE)],
    )
    async def alert_rule_delete(self, info: Info, input: inputs.AlertRuleDeleteInput) -> results.AlertRuleDeleteResult:
        ref = info.context.ref("AlertRule", input.alert_rule_id)
        async with info.context.write() as tx:
            rule = await service.delete(tx, ref.id, revision=input.revision)
        await ring(info.context.runtime.bus, rule.tenant_id)
        return results.AlertRuleDeleteSuccess(alert_rule_id=input.alert_rule_id)

    @strawberry.mutation(
        description=(
            "Say that one takes care of an alert. Nothing happens if somebody has said so before. It goes on until it "
            "is over by itself."
        ),
        extensions=[Requires(Permission.ALERT_ACKNOWLEDGE)],
    )
    async def alert_acknowledge(
        self, info: Info, input: inputs.AlertAcknowledgeInput
    ) -> results.AlertAcknowledgeResult:
        ref = info.context.ref("Alert", input.alert_id)
        async with info.context.write() as tx:
            alert = await service.acknowledge(tx, ref.id)
        await ring(info.context.runtime.bus, alert.tenant_id)
        return results.AlertAcknowledgeSuccess(alert=Alert.of(alert))
