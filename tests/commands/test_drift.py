"""What is generated or written twice says the same thing in both places."""

import asyncio
from pathlib import Path

from alembic import command

from app.cli import main
from app.core.db.admin import alembic_config
from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


async def test_models_and_migrations_agree(migrated_settings: Settings) -> None:
    await asyncio.to_thread(command.check, alembic_config(migrated_settings))


def test_the_committed_schema_is_the_one_that_is_served() -> None:
    assert main(["schema", "--check", "--output", str(ROOT / "schema.graphql")]) == 0


def test_a_stale_schema_is_noticed_and_mended(tmp_path: Path) -> None:
    path = tmp_path / "schema.graphql"
    path.write_text("type Query { old: Int }\n")
    assert main(["schema", "--check", "--output", str(path)]) == 1
    assert path.read_text() == "type Query { old: Int }\n", "a check writes nothing"
    assert main(["schema", "--output", str(path)]) == 0
    assert main(["schema", "--check", "--output", str(path)]) == 0
