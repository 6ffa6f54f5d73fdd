"""`vq worker`: one process that does jobs, and what only time causes in lines. Several may run."""

import argparse

from app.admission.health.looks import run_looks
from app.alerts.worker import alerting
from app.analytics.worker import run_analytics
from app.commands.plugged import plugged
from app.commands.servers import settings_of_running_servers
from app.core.jobs.timetable import timetable
from app.core.jobs.worker import main
from app.core.logs import configure_logging
from app.periodic import PERIODIC
from app.reactions import JOBS
from app.sessions.metered.clockwork import run_clockwork
from app.sessions.waits.learning import run_learners
from app.webhooks.carrier import run_webhooks

BESIDE = [run_analytics, run_clockwork, run_learners, run_looks, run_webhooks, timetable(PERIODIC)]


def configure(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(arguments: argparse.Namespace) -> int:
    """Work until signalled."""
    settings = settings_of_running_servers()
    configure_logging(settings.log_level)
    jobs = plugged(settings).jobs(JOBS)
    main(settings, jobs, [*BESIDE, alerting(jobs)])
    return 0
