"""What `vq up` shows once everything runs: where things are, how to sign in, and a first request to paste."""

import json
import shlex
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from app.settings import Settings

_LOGIN = (
    "mutation { userLogin(input: {tenantSlug: %s, email: %s, password: %s}) "
    "{ __typename ... on UserLoginSuccess { accessToken expiresInSeconds user { email role } } } }"
)


def local_url(settings: Settings) -> str:
    """Where this machine finds the API."""
    return settings.local_url


def first_request(settings: Settings) -> str:
    """A curl command that signs in to the demo tenant; safe to paste whatever the password is."""
    arguments = tuple(json.dumps(value) for value in ("demo", "admin@demo.example", settings.demo_password))
    body = json.dumps({"query": _LOGIN % arguments})
    return f"curl -s {local_url(settings)}/graphql -H 'content-type: application/json' -d {shlex.quote(body)}"


def _site(settings: Settings) -> str:
    return f"{settings.site_origin}/sale is behind it; `vq visitors` sends fifty people there"


def show(console: Console, settings: Settings, data_dir: Path, *, has_site: bool, has_mailbox: bool) -> None:
    """Print the banner."""
    url = local_url(settings)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in (
        ("GraphiQL", f"{url}/graphql"),
        ("GraphQL", f"POST {url}/graphql"),
        ("WebSocket", f"{url.replace('http', 'ws', 1)}/graphql  (graphql-transport-ws)"),
        ("Health", f"{url}/health/ready"),
        ("Demo", f"tenant demo, admin@demo.example, {settings.demo_password}"),
        ("Platform", "tenant platform, super@demo.example, same password"),
        *((("Waiting room", _site(settings)),) if has_site else ()),
        *((("Mail and SMS", f"kept in {data_dir / 'mail'}, not sent; `vq mail` shows them"),) if has_mailbox else ()),
        ("Logs", f"{data_dir / 'logs'}"),
    ):
        table.add_row(name, Text(value))
    console.print()
    console.print(
        Panel(table, title="Virtual Queue is running", subtitle="Ctrl-C stops it, data are kept", expand=False)
    )
    console.print("\nA first request, for another terminal:\n")
    # One line, however narrow the terminal is, or it could not be pasted.
    console.print(first_request(settings), soft_wrap=True, markup=False, highlight=False)
    console.print()
