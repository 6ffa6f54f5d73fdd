"""Keys are rotated by command; a password everybody knows is not offered to the network."""

import pytest

from app.cli import WRONG_SETTINGS, main
from app.commands.ports import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.4", False), ("vq", False)],
)
def test_only_this_machine_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_default_password_is_not_offered_to_the_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VQ_HOST", "0.0.0.0")
    monkeypatch.delenv("VQ_DEMO_PASSWORD", raising=False)
    assert main(["up"]) == WRONG_SETTINGS
    assert capsys.readouterr().err.startswith("vq: VQ_DEMO_PASSWORD: set one of your own")
