"""Who runs the servers: an ordinary user as itself, root as somebody else, from places that one may not enter."""

import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.core.embedded.account import Account, current_account, server_account
from app.core.embedded.binaries import SHARED, postgres_binaries, valkey_binary
from tests.servers import open_test_cluster

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")

STRANGER = Account(uid=65_000, gid=65_000, drop=True)

ORDINARY_USER = """
import os, sys
from pathlib import Path
from app.core.embedded import open_cluster
uid, gid = int(sys.argv[2]), int(sys.argv[3])
os.setgroups([]); os.setgid(gid); os.setuid(uid)
for _ in range(2):
    cluster = open_cluster(Path(sys.argv[1]), "test")
    urls = cluster.start()
    assert (Path(sys.argv[1]) / "servers" / "postgres").stat().st_uid == uid
    cluster.stop()
print("fine")
"""


@pytest.mark.parametrize(
    ("mode", "bits", "allowed"),
    [
        (0o711, stat.S_IXOTH, True),
        (0o711, stat.S_IROTH, False),
        (0o755, stat.S_IROTH | stat.S_IXOTH, True),
        (0o770, stat.S_IXOTH, False),
    ],
)
def test_what_others_may_do_with_a_path(open_path: Path, mode: int, bits: int, allowed: bool) -> None:
    (open_path / "inner").mkdir()
    (open_path / "inner").chmod(mode)
    assert STRANGER.may(open_path / "inner", bits) is allowed


def test_a_closed_parent_closes_everything_below(open_path: Path) -> None:
    inner = open_path / "closed" / "inner"
    inner.mkdir(parents=True)
    inner.chmod(0o777)
    assert STRANGER.may(inner, stat.S_IXOTH) is True
    inner.parent.chmod(0o700)
    assert STRANGER.may(inner, stat.S_IXOTH) is False


def test_an_owner_has_the_owners_rights(open_path: Path) -> None:
    open_path.chmod(0o700)
    mine = Account(open_path.stat().st_uid, open_path.stat().st_gid, drop=True)
    assert mine.may(open_path, stat.S_IROTH | stat.S_IXOTH) is True


@pytest.mark.skipif(os.geteuid() == 0, reason="an ordinary user's case")
def test_an_ordinary_user_runs_servers_as_itself(open_path: Path) -> None:
    assert server_account(open_path / "servers") == current_account()


@as_root
def test_root_runs_servers_as_somebody_else(open_path: Path) -> None:
    account = server_account(open_path / "servers")
    assert account.drop
    assert account.uid != 0


@as_root
def test_root_goes_on_with_the_files_of_their_owner(open_path: Path) -> None:
    servers = open_path / "servers"
    servers.mkdir()
    os.chown(servers, 65_000, 65_000)
    assert server_account(servers) == STRANGER


@as_root
@pytest.mark.processes
def test_a_data_directory_in_a_closed_home_of_root(open_path: Path) -> None:
    """The servers' files go where their account can reach them, and are found there again."""
    home = open_path / "home"
    home.mkdir(mode=0o700)
    data_dir = home / "checkout" / ".vq"
    places = []
    for _ in range(2):
        cluster = open_test_cluster(data_dir)
        cluster.start()
        assert cluster.postgres is not None
        places.append(cluster.postgres.home.postgres.resolve())
        cluster.stop()
    assert places[0] == places[1]
    assert places[0].is_relative_to(SHARED)
    assert home.stat().st_mode & 0o777 == 0o700, "nobody's home is opened up"
    subprocess.run(["rm", "-r", str(places[0].parent)], check=True)


@as_root
def test_programs_in_a_closed_directory_are_copied_once(open_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.core.embedded.binaries.SHARED", open_path / "shared")
    monkeypatch.setattr(Account, "may_read_all", lambda account, paths: False)
    account = server_account(open_path / "servers")
    first, second = postgres_binaries(account), postgres_binaries(account)
    assert first == second
    assert first.directory.is_relative_to(open_path / "shared")
    valkey = valkey_binary(account)
    for program in (first.postgres, first.initdb, valkey):
        subprocess.run([program, "--version"], check=True, user=account.uid, group=account.gid, extra_groups=[])


@as_root
@pytest.mark.processes
def test_an_ordinary_user_needs_no_help_from_root(open_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    user = Account(nobody.pw_uid, nobody.pw_gid, drop=True)
    if not user.may_read_all([Path(sys.prefix), Path.cwd()]):
        pytest.skip("the virtual environment is not reachable for an ordinary user")
    user.own(open_path)
    arguments = [str(open_path / ".vq"), str(user.uid), str(user.gid)]
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY_USER, *arguments], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("fine\n", "")
