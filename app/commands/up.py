"""`vq up`: everything on this machine, from an empty directory to a running product, and down again without a trace.

Starts and supervises processes; does nothing of the product's work itself.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from rich.console import Console

from app.commands import banner, mailbox
from app.commands.errors import CommandError
from app.commands.health import ask
from app.commands.parent import MakeWatch
from app.commands.ports import claim, is_loopback, listen, listen_near
from app.commands.processes import number_of_processes
from app.commands.reach import bus_connection, database_connection
from app.commands.servers import with_urls
from app.commands.supervisor import Kept, describe_exit, end_remembered, remember, stop_together
from app.core.embedded import Cluster, open_cluster
from app.core.embedded.process import Daemon
from app.core.limits.exempt import THIS_MACHINE
from app.demo import site as demo_site
from app.settings import Settings, SettingsError, ensure_secret, load_settings

_TICK_SECONDS = 0.1
_READY_SECONDS = 60.0
# Ctrl-C promises 5 s: this for our programs, at most 2 s for the servers after them.
_STOP_SECONDS = 2.5
_API_GRACE_SECONDS = 2
# Of relay, worker and whoever looks on; API processes have two pools each for both roles.
_MOST_CONNECTIONS = 176
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _StopRequested(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM. Not an `Exception`: nobody on the way may handle it."""


@dataclass
class _Up:
    """One run of `vq up`."""

    settings: Settings
    console: Console
    cluster: Cluster
    in_terminal: bool
    api_processes: int
    programs: list[Kept] = field(default_factory=list)
    listener: socket.socket | None = None
    site_listener: socket.socket | None = None
    mail_listener: socket.socket | None = None
    stopping: bool = False
    hurry: bool = False
    make: MakeWatch = field(default_factory=MakeWatch)

    @property
    def remembered(self) -> Path:
        return self.cluster.data_dir / "programs.json"

    def say(self, text: str) -> None:
        self.console.print(f"{time.strftime('%H:%M:%S')}  {text}", soft_wrap=True, markup=False, highlight=False)

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            self.hurry = True
        else:
            self.stopping = True
            raise _StopRequested

    def start(self) -> None:
        if left := end_remembered(self.remembered, _STOP_SECONDS):
            self.say(f"A run that was killed had left {left} processes; they are ended.")
        self.listener = listen(self.settings) if self.api_processes == 1 else claim(self.settings)
        if demo_site.is_possible():
            self.site_listener = listen_near(self.settings)
            self.settings = self.settings.model_copy(update={"demo_site_port": self.site_listener.getsockname()[1]})
        if self.settings.smtp_url is None:
            self.mail_listener = mailbox.listen_for_mail()
            kept_here = {"smtp_url": mailbox.url_of(self.mail_listener)}
            if self.settings.sms_url is None:
                kept_here["sms_url"] = mailbox.SMS_GATEWAY
            self.settings = self.settings.model_copy(update=kept_here)
        self._start_servers()
        self._prepare_database()
        serve = ["serve", f"--fd={self.listener.fileno()}", f"--grace={_API_GRACE_SECONDS}"]
        programs: list[tuple[str, list[str], list[socket.socket]]] = [
            ("API", [*serve, f"--workers={self.api_processes}"], [self.listener]),
            ("relay", ["relay"], []),
            ("worker", ["worker"], []),
        ]
        if self.site_listener is not None:
            programs.append(("demo-site", ["demo-site", f"--fd={self.site_listener.fileno()}"], [self.site_listener]))
        if self.mail_listener is not None:
            programs.append(("mailbox", ["mailbox", f"--fd={self.mail_listener.fileno()}"], [self.mail_listener]))
        for name, arguments, files in programs:
            daemon = self._program(name, arguments, [file.fileno() for file in files])
            self._run(daemon)
        self._remember()
        self._wait_until_ready()

    def watch(self) -> None:
        """Keep everything running for ever."""
        running = [server for server in (self.cluster.postgres, self.cluster.valkey) if server is not None]
        servers = [Kept(server.daemon, server.spawn) for server in running]
        while True:
            now = time.monotonic()
            for kept in servers:
                kept.check(now, self.say)
            # A program that starts while its servers come back would only fail, and wait longer the next time.
            hold = any(kept.due_at is not None for kept in self.programs) and not all(
                server.is_ready() for server in running
            )
            started = [kept.check(now, self.say) for kept in self.programs if not (hold and kept.due_at is not None)]
            if any(started):
                self._remember()
            self._pause(_TICK_SECONDS)

    def stop(self) -> None:
        self.stopping = True
        daemons = [kept.daemon for kept in self.programs]
        if any(daemon.pid for daemon in daemons):
            self.say("Stopping …")
        stop_together(daemons, _STOP_SECONDS, lambda: self.hurry)
        self.remembered.unlink(missing_ok=True)
        for listener in (self.listener, self.site_listener, self.mail_listener):
            if listener is not None:
                listener.close()
        self.cluster.stop()

    def _start_servers(self) -> None:
        began = time.monotonic()
        names = [server.daemon.name for server in (self.cluster.postgres, self.cluster.valkey) if server is not None]
        urls = self.cluster.start()
        if names:
            self.say(f"{' and '.join(names)} started in {time.monotonic() - began:.1f} s.")
        # Not before the data directory exists with the rights the servers need.
        self.settings = with_urls(ensure_secret(self.settings), urls)

    def _prepare_database(self) -> None:
        daemon = self._program("migrate", ["migrate", "--seed"], [])
        began = time.monotonic()
        self._run(daemon)
        while daemon.exit_code is None:
            self._pause(0.02)
        self.programs.clear()
        if daemon.exit_code != 0:
            lines = [] if daemon.log is None else daemon.log.read_text(errors="replace").splitlines()
            if lines and lines[-1].startswith("vq: "):  # it said what is wrong
                raise (SettingsError if daemon.exit_code == 2 else CommandError)(lines[-1].removeprefix("vq: "))
            how = describe_exit(daemon.exit_code)
            raise CommandError(f"The database could not be prepared ({how}). {daemon.last_words(15)}")
        self.say(f"Database migrated and seeded in {time.monotonic() - began:.1f} s.")

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        url = f"{banner.local_url(self.settings)}/health/ready"
        while (answer := ask(url)) is not None:
            for kept in self.programs:
                if kept.daemon.pid is None:
                    how = describe_exit(kept.daemon.exit_code)
                    raise CommandError(f"The {kept.daemon.name} did not start ({how}). {kept.daemon.last_words(15)}")
            if time.monotonic() - began > _READY_SECONDS:
                raise CommandError(f"Not ready after {_READY_SECONDS:.0f} s: {answer}. See `vq doctor`, and the logs.")
            self._pause(0.05)
        self.say(f"API, relay and worker are ready after {time.monotonic() - began:.1f} s.")

    def _program(self, name: str, arguments: list[str], files: list[int]) -> Daemon:
        urls = {"VQ_DATABASE_URL": self.settings.database_url, "VQ_REDIS_URL": self.settings.redis_url}
        if self.mail_listener is not None:
            urls |= {"VQ_SMTP_URL": self.settings.smtp_url, "VQ_SMS_URL": self.settings.sms_url}
        if self.settings.demo_site_port is not None:
            urls["VQ_DEMO_SITE_PORT"] = str(self.settings.demo_site_port)
        if is_tried_out(self.settings):
            urls["VQ_RATE_LIMIT_EXEMPT"] = ",".join(THIS_MACHINE)
        secret = {"VQ_SECRET_KEY": self.settings.secret, "VQ_DATA_DIR": str(self.cluster.data_dir)}
        log = None if self.in_terminal else self.cluster.data_dir / "logs" / f"{name.lower()}.log"
        return Daemon(
            name=name,
            command=[sys.executable, "-m", "app.cli", *arguments],
            stop_steps=((signal.SIGTERM, _STOP_SECONDS),),
            log=log,
            environment=os.environ | {key: value for key, value in urls.items() if value is not None} | secret,
            inherited_files=files,
        )

    def _run(self, daemon: Daemon) -> None:
        # Known before it runs: a signal that comes in between must find it.
        self.programs.append(Kept(daemon, daemon.spawn))
        daemon.spawn()

    def _pause(self, seconds: float) -> None:
        if self.make.told_to_end():
            raise _StopRequested
        time.sleep(seconds)

    def _remember(self) -> None:
        remember(self.remembered, [kept.daemon for kept in self.programs])


def configure(parser: argparse.ArgumentParser) -> None:
    """Options."""
    parser.add_argument(
        "--logs",
        action="store_true",
        help="write the programs' logs to this terminal, not to files in VQ_DATA_DIR/logs",
    )
    parser.add_argument("--workers", default="1", help="API processes that share the port, as in `vq serve`")


def run(arguments: argparse.Namespace) -> int:
    """Start, watch, stop."""
    api_processes = number_of_processes(arguments.workers)
    settings = load_settings()
    _refuse_known_password(settings)
    asyncio.run(_check_given_servers(settings))
    cluster = open_cluster(
        settings.data_dir,
        "vq up",
        with_postgres=settings.database_url is None,
        with_valkey=settings.redis_url is None,
        max_connections=_MOST_CONNECTIONS + api_processes * 2 * (settings.database_pool_size + 2),
    )
    up = _Up(settings, Console(), cluster, arguments.logs, api_processes)
    for number in _SIGNALS:
        signal.signal(number, up.on_signal)
    try:
        up.start()
        banner.show(
            up.console,
            up.settings,
            cluster.data_dir,
            has_site=up.site_listener is not None,
            has_mailbox=up.mail_listener is not None,
        )
        up.watch()
    except _StopRequested:
        pass
    finally:
        began = time.monotonic()
        up.stop()
    up.say(f"Stopped in {time.monotonic() - began:.1f} s.")
    return 0


def _refuse_known_password(settings: Settings) -> None:
    """The default is printed in the README: no password at all for whoever can reach this address."""
    known = Settings.model_fields["demo_password"].default
    if settings.demo_password == known and not is_loopback(settings.host):
        raise SettingsError(
            f"VQ_DEMO_PASSWORD: set one of your own before listening on {settings.host}, where others can reach it; "
            "the default is known to everybody."
        )


async def _check_given_servers(settings: Settings) -> None:
    """A wrong address is said at once, not after everything else was started."""
    if settings.database_url is not None:
        async with database_connection(settings.database_url, "VQ_DATABASE_URL"):
            pass
    if settings.redis_url is not None:
        async with bus_connection(settings.redis_url):
            pass


def is_tried_out(settings: Settings) -> bool:
    """By whoever sits at this machine, with `vq visitors` and `vq replay`: not behind a proxy, not for others.

    Who names networks that are exempt has said it all, with an empty list as well.
    """
    return (
        "rate_limit_exempt" not in settings.model_fields_set
        and is_loopback(settings.host)
        and is_loopback(urlsplit(settings.base_url).hostname or "")
    )
