"""The container files, as far as they can be held against the product without an engine."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli import COMMANDS
from app.commands.doctor import _CHECKS
from app.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
VARIABLES = {f"VQ_{name}".upper() for name in Settings.model_fields}
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)


def instructions(name: str) -> list[str]:
    text = DOCKERFILE.read_text().replace("\\\n", " ")
    return [line.split(None, 1)[1] for line in text.splitlines() if line.startswith(f"{name} ")]


@pytest.mark.parametrize("path", [COMPOSE, DOCKERFILE], ids=lambda path: path.name)
def test_every_variable_is_a_setting(path: Path) -> None:
    assert set(re.findall(r"\bVQ_[A-Z_]+", path.read_text())) - VARIABLES == set()


def test_the_services_are_the_products() -> None:
    assert set(SERVICES) == {"postgres", "valkey", "migrate", "api", "relay", "worker", "seed"}


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_by_a_tag_with_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/-]+:[0-9]+[0-9a-z.-]*", SERVICES[name]["image"])


@pytest.mark.parametrize("name", OURS)
def test_commands_exist(name: str) -> None:
    assert SERVICES[name]["command"][0] in COMMANDS


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_more_rights_than_they_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_become_true(name: str) -> None:
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_healthy":
            assert "test" in SERVICES[other]["healthcheck"]
        else:
            assert wait["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no"


@pytest.mark.parametrize("name", SERVICES)
def test_what_stays_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert ("test" in service["healthcheck"]) is (service["restart"] == "unless-stopped")


@pytest.mark.parametrize("name", ["relay", "worker"])
def test_health_checks_ask_the_doctor_for_a_part_it_knows(name: str) -> None:
    *_, command, part = SERVICES[name]["healthcheck"]["test"]
    assert command == "doctor"
    assert part in {part for part, _, _ in _CHECKS}


@pytest.mark.parametrize("name", OURS)
def test_the_defaults_are_settings_that_load(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in SERVICES[name]["environment"].items():
        # ${NAME:-default}, ${NAME:?what to do} and ${NAME}: the default, or something long enough.
        filled = re.sub(
            r"\$\{[A-Z_]+(?::-([^}]*)|:\?[^}]*|)\}",
            lambda match: match[1] or ("" if ":-" in match[0] else "x" * 32),
            value,
        )
        monkeypatch.setenv(variable, filled)
    settings = load_settings()
    assert settings.database_url is not None
    assert settings.database_url.startswith("postgresql+asyncpg://")
    assert settings.cors_origins == ()


def test_only_the_migration_knows_the_administrators_password() -> None:
    knowing = [name for name, service in SERVICES.items() if "POSTGRES_PASSWORD" in str(service)]
    assert sorted(knowing) == ["migrate", "postgres"]


def test_the_image_is_built_from_pinned_images_and_files_that_exist() -> None:
    bases = {source.split()[0] for source in instructions("FROM")}
    assert bases == {"python:3.13-slim-bookworm"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for copied in instructions("COPY"):
        source = copied.split()[0]
        if not source.startswith("--from"):
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, f"{source} does not reach the engine"


def test_the_image_runs_as_an_ordinary_user_with_a_health_check() -> None:
    assert instructions("USER") == ["10001"]
    (check,) = instructions("HEALTHCHECK")
    assert "app.commands.health" in check
    assert (ROOT / "app" / "commands" / "health.py").exists()
    assert instructions("ENTRYPOINT") == ['["python", "-m", "app.cli"]']
    assert instructions("CMD") == ['["serve"]']
