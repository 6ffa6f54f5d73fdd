"""What lines have learned about waits, and what was said to visitors."""

from collections.abc import Sequence

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Filled by the change that needs it."""


def downgrade() -> None:
    """As above."""
