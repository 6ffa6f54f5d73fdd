"""What follows from what: read this file to know what an event causes. The verbs themselves are the features'.

Everything here happens after the event's commit, at least once, in a worker. Live updates are not in the table: every
event goes to its queue's (or tenant's) topic.
"""

from typing import Final

from app.admission.health import tasks as health
from app.core.events.reactions import Reactions, each, latest
from app.core.jobs.kinds import Jobs
from app.core.personal import tasks as personal
from app.counters import tasks as counters
from app.identity.accounts import events as accounts
from app.integrations import fan as integrations
from app.integrations import tasks as integration_tasks
from app.notifications import tasks as notifications
from app.notifications.broadcasts import events as broadcasts
from app.notifications.broadcasts import tasks as broadcast_tasks
from app.notifications.replies import events as replies
from app.notifications.replies import tasks as reply_tasks
from app.privacy import events as privacy
from app.privacy import tasks as privacy_tasks
from app.queues import events as queues
from app.reports import events as reports
from app.reports import tasks as report_tasks
from app.sessions import events as sessions
from app.tenants import events as tenants
from app.transfers.exports import events as exports
from app.transfers.exports import tasks as export_tasks
from app.transfers.imports import events as imports
from app.transfers.imports import tasks as import_tasks
from app.webhooks import lanes as webhooks

# Somebody who waited may have come nearer to the front. NO_SHOW, START and COMPLETE are not among them: whoever these
# happen to left the line when they were called.
_NEARER = latest(notifications.tell_people_ahead)
_HAPPENED = latest(notifications.tell_what_happened)

REACTIONS: Final[Reactions] = {
    tenants.TenantUpdated.type: [latest(counters.restaff), latest(report_tasks.plan_reports)],
    accounts.AccountMessageOwed.type: [each(notifications.send_account_message)],
    broadcasts.BroadcastStarted.type: [each(broadcast_tasks.begin_broadcast)],
    queues.QueueCreated.type: [latest(health.look_at_origin)],
    queues.QueueUpdated.type: [latest(health.look_at_origin)],
    replies.NotificationReplyReceived.type: [each(reply_tasks.answer_reply)],
    exports.ExportRequested.type: [each(export_tasks.make_export)],
    imports.ImportUploaded.type: [each(import_tasks.bring_rows)],
    reports.ReportRunStarted.type: [each(report_tasks.make_report)],
    privacy.PersonExportRequested.type: [each(privacy_tasks.do_request)],
    privacy.PersonErasureRequested.type: [each(privacy_tasks.do_request)],
    sessions.SessionCalled.type: [each(notifications.tell_called), _NEARER],
    sessions.SessionReleased.type: [each(notifications.tell_called), _NEARER],
    sessions.SessionRecalled.type: [each(notifications.tell_called)],
    sessions.SessionJoined.type: [_HAPPENED],
    sessions.SessionMarkedNoShow.type: [_HAPPENED],
    sessions.SessionCompleted.type: [_HAPPENED],
    sessions.SessionExpired.type: [_NEARER],
    sessions.SessionCancelled.type: [_NEARER],
    sessions.SessionTransferredOut.type: [_NEARER],
    sessions.SessionHeld.type: [_NEARER],
    sessions.SessionSteppedBack.type: [_NEARER],
    sessions.SessionPriorityChanged.type: [_NEARER],
}

# Of every event, whoever wants it: webhooks, and tenants' other systems.
FANS: Final = (webhooks.fan_out, integrations.fan_out)

JOBS: Final = Jobs(
    [
        counters.restaff,
        health.look_at_origin,
        personal.rotate,
        notifications.tell_called,
        notifications.tell_people_ahead,
        notifications.tell_what_happened,
        notifications.tell_opening_soon,
        notifications.deliver,
        broadcast_tasks.begin_broadcast,
        broadcast_tasks.write_broadcast_portion,
        reply_tasks.answer_reply,
        integration_tasks.customer,
        integration_tasks.await_payment,
        integration_tasks.give_up,
        integration_tasks.settle_payment,
        integration_tasks.close_page,
        integration_tasks.refund,
        export_tasks.make_export,
        import_tasks.bring_rows,
        report_tasks.make_report,
        report_tasks.plan_reports,
        privacy_tasks.do_request,
        notifications.send_account_message,
    ]
)
