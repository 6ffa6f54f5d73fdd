"""The page of settings is what the code says."""

from pathlib import Path

from app.commands.settings import markdown
from app.settings import Settings


def test_every_setting_is_explained() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_page_is_current() -> None:
    page = Path(__file__).parents[2] / "docs" / "settings.md"
    assert page.read_text() == markdown(), "run `vq settings > docs/settings.md`"
