"""Programs of the tests of connectors: our API, and sites behind each connector, on ports of their own, to be killed.

Each is started as an operator starts it. Nothing here knows what a connector should do.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from virtual_queue_asgi import Gate, Options, WaitingRoom

from app.core.limits.exempt import THIS_MACHINE
from app.settings import Settings
from tests.commands.runs import environment, free_port
from tests.support.leash import leashed
from tests.support.real_server import real_server

CONNECTORS = Path(__file__).resolve().parents[2] / "frontend-contract" / "connectors"
KINDS = ("asgi", "nginx", "express")
RETRY_SECONDS = 0.3
# Whoever is dead refuses at once; who is alive may be slow on a machine where much else runs.
TIMEOUT_SECONDS = 15.0
START_SECONDS = 60.0
_METHODS = ["GET", "HEAD", "POST"]


@dataclass
class Program:
    """A process that listens on a port."""

    command: Sequence[str]
    port: int
    settings: Mapping[str, str]
    log: Path
    health: str
    ready_status: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when it answers."""
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                list(self.command),
                env=environment({}) | dict(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=leashed,
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                if httpx.get(self.url + self.health, trust_env=False).status_code == self.ready_status:
                    return
            except httpx.HTTPError:
                pass
            assert self.process.poll() is None, f"it ended:\n{self.log.read_text()}"
            assert time.monotonic() < deadline, f"it does not answer:\n{self.log.read_text()}"
            time.sleep(0.05)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it; of a process that has ended already nothing happens."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(15)


@contextmanager
def running(program: Program) -> Iterator[Program]:
    """Run a program for the block."""
    program.start()
    try:
        yield program
    finally:
        program.kill()


def api_program(settings: Settings, directory: Path) -> Program:
    """`vq serve` on the servers of this test run."""
    port = free_port()
    assert settings.database_url is not None
    assert settings.redis_url is not None
    assert settings.secret_key is not None
    values = {
        "VQ_DATABASE_URL": settings.database_url,
        "VQ_REDIS_URL": settings.redis_url,
        "VQ_BUS_PREFIX": settings.bus_prefix,
        "VQ_RATE_LIMIT_EXEMPT": ",".join(THIS_MACHINE),
        "VQ_SECRET_KEY": settings.secret_key,
        "VQ_DATA_DIR": str(directory),
        "VQ_PORT": str(port),
        "VQ_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--grace=1"]
    return Program(command, port, values, directory / "api.log", "/health/live", 200)


@dataclass
class Sites:
    """Starts sites behind a connector, and ends them with the test."""

    directory: Path
    stack: ExitStack = field(default_factory=ExitStack)
    _count: int = 0

    def start(self, kind: str, api: Program, queue_id: str, port: int, failure_mode: str = "QUEUE") -> str:
        """The origin of a site that runs."""
        origin = f"http://127.0.0.1:{port}"
        values = {
            "VQ_SITE_SERVICE_URL": api.url,
            "VQ_SITE_QUEUE_ID": queue_id,
            "VQ_SITE_SITE_ORIGIN": origin,
            "VQ_SITE_FAILURE_MODE": failure_mode,
            "VQ_SITE_RETRY_SECONDS": str(RETRY_SECONDS),
            "VQ_SITE_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS),
            "VQ_SITE_OPEN": "/open",
        }
        self._count += 1
        log = self.directory / f"{kind}-{self._count}.log"
        match kind:
            case "asgi":
                options = Options(
                    service_url=api.url,
                    queue_id=queue_id,
                    site_origin=origin,
                    failure_mode=failure_mode,  # type: ignore[arg-type] # as from an operator's environment
                    retry_seconds=RETRY_SECONDS,
                    timeout_seconds=TIMEOUT_SECONDS,
                    open=("/open",),
                )
                self.stack.enter_context(_asgi_site(options, port))
            case "express":
                node = needed("node", "express")
                needed_package("express")
                command = [node, str(CONNECTORS / "express/example/site.js")]
                given = values | {"PORT": str(port)}
                self.stack.enter_context(running(Program(command, port, given, log, "/open/", 200)))
            case "nginx":
                self._start_nginx(values, port, log)
        return origin

    def _start_nginx(self, values: Mapping[str, str], port: int, log: Path) -> None:
        nginx = needed("nginx", "nginx")
        shop = self.stack.enter_context(real_server(_shop()))
        verifier_port = free_port()
        verifier = [sys.executable, "-m", "virtual_queue_asgi.verifier", "--port", str(verifier_port)]
        given = dict(values) | {"PYTHONPATH": str(CONNECTORS / "asgi")}
        self.stack.enter_context(running(Program(verifier, verifier_port, given, log, "/health", 200)))
        home = self.directory / f"nginx-{self._count}"
        home.mkdir()
        home.chmod(0o755)
        for name in ("virtual-queue-server.conf", "virtual-queue-protect.conf"):
            shutil.copy(CONNECTORS / "nginx" / name, home)
        # The example an operator starts from, with the addresses of this test.
        servers = (CONNECTORS / "nginx/example.conf").read_text()
        for there, here in (
            ("127.0.0.1:9010", f"127.0.0.1:{verifier_port}"),
            ("127.0.0.1:8080", f"127.0.0.1:{shop.port}"),
            ("listen 80;", f"listen 127.0.0.1:{port};"),
            ("/static/", "/open/"),
        ):
            assert there in servers
            servers = servers.replace(there, here)
        (home / "site.conf").write_text(servers)
        (home / "nginx.conf").write_text(_NGINX.substitute(home=home))
        command = [nginx, "-p", str(home), "-c", str(home / "nginx.conf")]
        self.stack.enter_context(running(Program(command, port, {}, log, "/open/", 200)))


def needed(program: str, what: str) -> str:
    """A program's path; the test is skipped without it, and fails where it has to be there (`.ci/run`)."""
    if (found := shutil.which(program)) is not None:
        return found
    if program in os.environ.get("VQ_TEST_PROGRAMS", "").split(","):
        pytest.fail(f"{program} is not installed.")
    pytest.skip(f"{program} is not installed: {what} is not tested here.")


def needed_package(name: str) -> Path:
    """An npm package of the contract; without it as without a program."""
    found = CONNECTORS.parent / "node_modules" / name
    if not found.is_dir():
        said = f"{name} is not installed: `npm ci` in frontend-contract."
        if "node" in os.environ.get("VQ_TEST_PROGRAMS", "").split(","):
            pytest.fail(said)
        pytest.skip(said)
    return found


@contextmanager
def _asgi_site(options: Options, port: int) -> Iterator[None]:
    gate = Gate(options)
    with real_server(WaitingRoom(_shop(), options, gate), port=port) as server:
        yield
        server.run(gate.close())


def _shop() -> Starlette:
    async def answer(request: Request) -> PlainTextResponse:
        admission = request.scope.get("virtual_queue")
        session = request.headers.get("x-vq-session") if admission is None else admission.session_id
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return PlainTextResponse(f"shop {request.method} {target} for {session or 'anybody'}\n")

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


_NGINX = Template(
    """daemon off;
master_process off;
pid $home/nginx.pid;
error_log stderr warn;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $home/body;
    proxy_temp_path $home/proxy;
    fastcgi_temp_path $home/fastcgi;
    uwsgi_temp_path $home/uwsgi;
    scgi_temp_path $home/scgi;
    include $home/site.conf;
}
"""
)
