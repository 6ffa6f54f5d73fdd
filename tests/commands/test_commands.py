"""The small commands, and the pieces of the big one that can be looked at alone."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import COMMANDS, main
from app.commands import banner, supervisor
from app.commands.errors import CommandError
from app.commands.ports import listen
from app.commands.supervisor import Kept
from app.core.embedded.process import Daemon
from app.settings import Settings, load_settings
from tests.commands.runs import free_port


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: vq {name}" in capsys.readouterr().out


def test_an_unknown_command_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["upp"])
    assert ended.value.code == 2
    assert "'up', 'serve', 'relay'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["serve", "relay", "worker", "doctor"])
def test_a_process_that_stays_needs_running_servers(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in [variable for variable in os.environ if variable.startswith("VQ_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("VQ_DATA_DIR", str(tmp_path))
    assert main([name]) == 1
    said = "".join(capsys.readouterr())
    assert "VQ_DATABASE_URL is not set and no embedded servers run" in said
    assert "`vq up`" in said


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQ_CORS_ORIGINS", "https://a.example, https://b.example")
    assert load_settings().cors_origins == ("https://a.example", "https://b.example")


def test_the_first_request_survives_any_password() -> None:
    password = """it's "a" $(pass) `word` \\ über"""
    line = banner.first_request(Settings(demo_password=password))
    shown = subprocess.run(
        ["sh", "-c", f'curl() {{ for last; do :; done; printf %s "$last"; }}; {line}'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.dumps(password) in json.loads(shown.stdout)["query"]


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("a.b", "http://a.b:80"),
    ],
)
def test_the_local_address(host: str, url: str) -> None:
    assert banner.local_url(Settings(host=host, port=80)) == url


def test_a_port_is_kept_for_whoever_serves() -> None:
    port = free_port()
    with listen(Settings(port=port)) as listener, socket.create_connection(("127.0.0.1", port)):
        accepted, _ = listener.accept()
        accepted.close()
        with pytest.raises(CommandError, match=f"Port {port} on 127.0.0.1 is used .* VQ_PORT=[0-9]+"):
            listen(Settings(port=port))


def test_what_ends_is_started_again_slower_and_slower(tmp_path: Path) -> None:
    daemon = Daemon("job", [sys.executable, "-c", "raise SystemExit('no luck')"], (), log=tmp_path / "job.log")
    said: list[str] = []
    kept = Kept(daemon, daemon.spawn, started_at=0.0)
    now, pauses = 0.0, []
    for _ in range(8):
        daemon.spawn()
        assert daemon.process is not None
        daemon.process.wait(10)
        assert kept.check(now, said.append) is False
        assert kept.due_at is not None
        pauses.append(round(kept.due_at - now, 1))
        assert kept.check(now, said.append) is False, "not before its pause is over"
        now = kept.due_at
        assert kept.check(now, said.append) is True
        assert daemon.process is not None
        daemon.process.wait(10)
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]
    assert said[0] == "job ended (exit code 1); starting it again."
    assert "no luck" in said[2]
    kept.check(now + 31, said.append)
    assert said[-1] == "job ended (exit code 1); starting it again.", "after a steady time it begins anew"


def test_what_a_killed_run_left_is_ended_but_no_stranger(tmp_path: Path) -> None:
    programs = tmp_path / "programs.json"
    daemon = Daemon("left", [sys.executable, "-c", "import signal; signal.pause()"], ())
    daemon.spawn()
    supervisor.remember(programs, [daemon])
    entries = json.loads(programs.read_text())
    programs.write_text(json.dumps([[entries[0][0], entries[0][1] - 100.0]]))
    assert supervisor.end_remembered(programs, 5.0) == 0, "another process with the same number"
    assert daemon.pid is not None
    programs.write_text(json.dumps(entries))
    assert supervisor.end_remembered(programs, 5.0) == 1
    assert daemon.pid is None
    assert supervisor.end_remembered(programs, 5.0) == 0
