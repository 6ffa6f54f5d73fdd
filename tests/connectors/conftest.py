"""One API process for the tests that let it live, and sites that end with their test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import Settings
from tests.connectors.serving import Program, Sites, api_program, running


@pytest.fixture(scope="session")
def served(migrated_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """`vq serve`, on the database the tests' own application uses too."""
    with running(api_program(migrated_settings, tmp_path_factory.mktemp("served"))) as program:
        yield program


@pytest.fixture
def mortal(migrated_settings: Settings, tmp_path: Path) -> Iterator[Program]:
    """One that is killed."""
    with running(api_program(migrated_settings, tmp_path)) as program:
        yield program


@pytest.fixture
def sites(open_path: Path) -> Iterator[Sites]:
    """Sites."""
    started = Sites(open_path)
    with started.stack:
        yield started
