"""What is done when its time has come: read this file to know. The verbs themselves are the features'.

Each piece once per slot, in one of the workers (`app/core/jobs/timetable.py`). What is due to the second, such as the
releases of a queue, has a clock of its own (`app/sessions/metered/clockwork.py`), and so have alerts
(`app/alerts/worker.py`).
"""

from datetime import timedelta
from typing import Final

from app.alerts import worker as alerts
from app.core.events import upkeep
from app.core.jobs.timetable import Periodic
from app.identity.repository_upkeep import delete_expired
from app.notifications.attachments import service as attachments
from app.notifications.deliveries import service as deliveries
from app.notifications.telling import openings
from app.privacy import retention
from app.reports import due
from app.reports import repository as reports
from app.sessions.waits import learning as waits
from app.transfers import upkeep as transfers
from app.webhooks import repository as webhooks

HOUR: Final = timedelta(hours=1)

PERIODIC: Final = [
    Periodic("alerts.upkeep", HOUR, alerts.delete_old),
    Periodic("events.partitions", timedelta(days=1), upkeep.make_partitions),
    Periodic("events.upkeep", HOUR, upkeep.delete_old),
    Periodic("identity.upkeep", HOUR, delete_expired),
    Periodic("notifications.attachments", HOUR, attachments.tidy),
    Periodic("notifications.openings", openings.EVERY, openings.look),
    Periodic("notifications.reports", HOUR, deliveries.tidy),
    Periodic("transfers.upkeep", HOUR, transfers.tidy),
    Periodic("privacy.retention", HOUR, retention.apply_all, lease=timedelta(minutes=50)),
    Periodic("waits.upkeep", HOUR, waits.delete_old),
    Periodic("reports.due", due.EVERY, due.look),
    Periodic("reports.upkeep", HOUR, reports.delete_old),
    Periodic("webhooks.upkeep", HOUR, webhooks.delete_old),
]
