"""Facts about sessions and what they add up to."""

from collections.abc import Sequence

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Filled by the change that needs it."""


def downgrade() -> None:
    """As above."""
