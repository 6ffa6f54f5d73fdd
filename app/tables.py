"""Imports every module that declares a table, for Alembic. Nothing else belongs here."""

import app.access.models
import app.admission.health.models
import app.admission.models
import app.alerts.models
import app.analytics.models
import app.core.events.models
import app.core.idempotency
import app.core.jobs.models
import app.core.personal.models
import app.counters.models
import app.deprecations.models
import app.identity.accounts.models
import app.identity.api_keys.models
import app.identity.factors.models
import app.identity.models
import app.identity.providers.models
import app.identity.roles.models
import app.integrations.models
import app.notifications.broadcasts.models
import app.notifications.devices.models
import app.notifications.models
import app.notifications.preferences.models
import app.notifications.providers.models
import app.notifications.replies.models
import app.notifications.telling.models
import app.privacy.models
import app.queues.models
import app.ratings.models
import app.schedules.models
import app.sessions.models
import app.sessions.waits.models
import app.tenants.models
import app.transfers.exports.models
import app.transfers.imports.models
import app.transfers.models
import app.webhooks.models  # noqa: F401
