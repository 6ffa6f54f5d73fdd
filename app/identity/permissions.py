"""Who may do what: every permission, and the one matrix of roles. Decides nothing about single objects.

`docs/permissions.md` is written from here; a test fails when it is not current.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from app.identity.models import Role


class Permission(StrEnum):
    """An action. Fields of the API name the one they need."""

    TENANT_READ = "tenant:read"
    TENANT_WRITE = "tenant:write"
    USER_READ = "user:read"
    USER_WRITE = "user:write"
    ROLE_READ = "role:read"
    ROLE_WRITE = "role:write"
    QUEUE_READ = "queue:read"
    QUEUE_WRITE = "queue:write"
    QUEUE_OPERATE = "queue:operate"
    ACCESS_READ = "access:read"
    ACCESS_WRITE = "access:write"
    COUNTER_READ = "counter:read"
    COUNTER_WRITE = "counter:write"
    COUNTER_WORK = "counter:work"
    SESSION_READ = "session:read"
    SESSION_CALL = "session:call"
    SESSION_WRITE = "session:write"
    NOTIFICATION_READ = "notification:read"
    NOTIFICATION_WRITE = "notification:write"
    MESSAGE_PROVIDER_READ = "message-provider:read"
    MESSAGE_PROVIDER_WRITE = "message-provider:write"
    RATING_READ = "rating:read"
    ALERT_READ = "alert:read"
    ALERT_ACKNOWLEDGE = "alert:acknowledge"
    ALERT_WRITE = "alert:write"
    EVENT_READ = "event:read"
    ANALYTICS_READ = "analytics:read"
    REPORT_READ = "report:read"
    REPORT_WRITE = "report:write"
    REPORT_ADDRESS = "report:address"
    EXPORT_WRITE = "export:write"
    EXPORT_PERSONAL = "export:personal"
    IMPORT_WRITE = "import:write"
    HEALTH_REPORT = "health:report"
    API_KEY_READ = "api-key:read"
    API_KEY_WRITE = "api-key:write"
    PROVIDER_READ = "provider:read"
    PROVIDER_WRITE = "provider:write"
    WEBHOOK_READ = "webhook:read"
    WEBHOOK_WRITE = "webhook:write"
    INTEGRATION_READ = "integration:read"
    INTEGRATION_WRITE = "integration:write"
    AUDIT_READ = "audit:read"
    PRIVACY_WRITE = "privacy:write"
    PLATFORM_TENANTS = "platform:tenants"
    PLATFORM_JOBS = "platform:jobs"
    PLATFORM_ALERTS = "platform:alerts"


MEANING: Mapping[Permission, str] = MappingProxyType(
    {
        Permission.TENANT_READ: "See the tenant's settings, limits and usage.",
        Permission.TENANT_WRITE: "Change the tenant's name, description, settings and branding.",
        Permission.USER_READ: "See users with their contact data.",
        Permission.USER_WRITE: "Create, invite, change, deactivate and reactivate users.",
        Permission.ROLE_READ: "See the tenant's own roles: what they allow, and how many users have them.",
        Permission.ROLE_WRITE: "Create, change and delete roles of the tenant's own.",
        Permission.QUEUE_READ: "List queues, with all their configuration.",
        Permission.QUEUE_WRITE: "Create, change and archive queues and their categories.",
        Permission.QUEUE_OPERATE: "Open, pause, resume and close queues.",
        Permission.ACCESS_READ: "See who is on the lists of queues, and their access codes.",
        Permission.ACCESS_WRITE: "Change the lists of queues, create and revoke access codes.",
        Permission.COUNTER_READ: "See counters and shifts.",
        Permission.COUNTER_WRITE: "Create and change counters.",
        Permission.COUNTER_WORK: "Start, pause, resume and end shifts.",
        Permission.SESSION_READ: "See sessions with the visitor's data and notes.",
        Permission.SESSION_CALL: "Call, recall, start, complete, mark as no-show, return, hold and transfer sessions.",
        Permission.SESSION_WRITE: "Join on behalf of visitors, cancel for them, set priorities, write notes.",
        Permission.NOTIFICATION_READ: "See notifications and their recipients, and templates.",
        Permission.NOTIFICATION_WRITE: "Change texts and rules of messages, their defaults, and who has opted out.",
        Permission.MESSAGE_PROVIDER_READ: "See who carries messages, how that is configured, and how they do.",
        Permission.MESSAGE_PROVIDER_WRITE: "Decide who carries messages, with credentials; send tests.",
        Permission.RATING_READ: "Read what visitors wrote with their ratings; the figures need `session:read`.",
        Permission.ALERT_READ: "See alerts, and when they are raised.",
        Permission.ALERT_ACKNOWLEDGE: "Say that one takes care of an alert.",
        Permission.ALERT_WRITE: "Decide when an alert is raised, and whom which channels tell.",
        Permission.EVENT_READ: "Read the event log and queues as of a past time.",
        Permission.ANALYTICS_READ: "See figures: of queues, of the whole business, and of every member of staff.",
        Permission.REPORT_READ: "See saved reports, whom they are sent to, and fetch what was made of them.",
        Permission.REPORT_WRITE: "Save dashboards and reports, run these, and have them sent to users.",
        Permission.REPORT_ADDRESS: "Have reports sent to addresses that are no user's, and see these.",
        Permission.EXPORT_WRITE: "Have files made of whatever one may see, without personal data, and fetch them.",
        Permission.EXPORT_PERSONAL: "Have personal data in these files.",
        Permission.IMPORT_WRITE: "Bring queues, users and past sessions in from files.",
        Permission.HEALTH_REPORT: "Report how the site behind a queue is.",
        Permission.API_KEY_READ: "See API keys: what they may do, how they begin, when they were used.",
        Permission.API_KEY_WRITE: "Create, change, rotate and revoke API keys.",
        Permission.PROVIDER_READ: "See which providers people sign in with, and how they are configured.",
        Permission.PROVIDER_WRITE: "Decide which providers people sign in with; takes all an administrator may do.",
        Permission.WEBHOOK_READ: "See webhook endpoints, and what they were sent and have answered.",
        Permission.WEBHOOK_WRITE: "Decide which addresses are told what happens, with their secrets; send it again.",
        Permission.INTEGRATION_READ: "See which CRM and payment systems are used, how, and how they do.",
        Permission.INTEGRATION_WRITE: "Decide which CRM and payment systems are used, with credentials.",
        Permission.AUDIT_READ: "See who changed what, when and from which address.",
        Permission.PRIVACY_WRITE: "Export and erase people's data, and set how long it is kept.",
        Permission.PLATFORM_TENANTS: "Create, change, suspend, reactivate and delete tenants, with their limits.",
        Permission.PLATFORM_JOBS: "See what workers have to do, for all tenants, and try again what has failed.",
        Permission.PLATFORM_ALERTS: "See alerts about the installation itself, and decide about them.",
    }
)

_STAFF = frozenset(
    {
        Permission.TENANT_READ,
        Permission.QUEUE_READ,
        Permission.QUEUE_OPERATE,
        Permission.COUNTER_READ,
        Permission.COUNTER_WORK,
        Permission.SESSION_READ,
        Permission.SESSION_CALL,
        Permission.SESSION_WRITE,
        Permission.ALERT_READ,
        Permission.ALERT_ACKNOWLEDGE,
        Permission.EVENT_READ,
    }
)
_MANAGER = _STAFF | {
    Permission.REPORT_READ,
    Permission.REPORT_WRITE,
    Permission.USER_READ,
    Permission.ROLE_READ,
    Permission.QUEUE_WRITE,
    Permission.ACCESS_READ,
    Permission.ACCESS_WRITE,
    Permission.COUNTER_WRITE,
    Permission.NOTIFICATION_READ,
    Permission.NOTIFICATION_WRITE,
    Permission.RATING_READ,
    Permission.ALERT_WRITE,
    Permission.ANALYTICS_READ,
    Permission.HEALTH_REPORT,
    Permission.EXPORT_WRITE,
}
_ADMIN = _MANAGER | {
    Permission.REPORT_ADDRESS,
    Permission.TENANT_WRITE,
    Permission.USER_WRITE,
    Permission.ROLE_WRITE,
    Permission.INTEGRATION_READ,
    Permission.INTEGRATION_WRITE,
    Permission.AUDIT_READ,
    Permission.PRIVACY_WRITE,
    Permission.API_KEY_READ,
    Permission.API_KEY_WRITE,
    Permission.PROVIDER_READ,
    Permission.PROVIDER_WRITE,
    Permission.WEBHOOK_READ,
    Permission.WEBHOOK_WRITE,
    Permission.MESSAGE_PROVIDER_READ,
    Permission.MESSAGE_PROVIDER_WRITE,
    Permission.EXPORT_PERSONAL,
    Permission.IMPORT_WRITE,
}

MATRIX: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.SUPER_ADMIN: _ADMIN | {Permission.PLATFORM_TENANTS, Permission.PLATFORM_JOBS, Permission.PLATFORM_ALERTS},
        Role.ADMIN: _ADMIN,
        Role.MANAGER: _MANAGER,
        Role.STAFF: _STAFF,
        Role.CUSTOMER: frozenset(),
    }
)


def markdown() -> str:
    """The matrix as the page `docs/permissions.md`."""
    roles = list(MATRIX)
    lines = [
        "# Permissions",
        "",
        "Generated from `app/identity/permissions.py`; the query `permissionMatrix` answers the same. Every field of",
        "the API that is not public names the permission it needs in its description. A user has one role; another one",
        "takes effect at once: tokens given out before are refused and have to be refreshed. Nobody can give a role",
        "that allows more than they may do themselves. Visitors are not users: a session token reaches one session.",
        "An API key has the permissions it was given, each of which whoever gave it had themselves.",
        "",
        "A tenant defines roles of its own (`customRoleCreate`): a name and any of these permissions, each of which",
        "whoever defines it has themselves. What a custom role allows can be changed while people work with it",
        "(`customRoleUpdate`): requests follow at once, open sockets within 2 s (closed with 4403, they come back).",
        "Its `baseRole` only says what its users count as: against the limit of staff, and in what the tenant demands",
        "of each role. It grants nothing.",
        "",
        "| permission | allows to | " + " | ".join(f"`{role}`" for role in roles) + " |",
        "| --- | --- |" + " :-: |" * len(roles),
    ]
    for permission in Permission:
        marks = " | ".join("✓" if permission in MATRIX[role] else " " for role in roles)
        lines.append(f"| `{permission}` | {MEANING[permission]} | {marks} |")
    return "\n".join(lines) + "\n"
