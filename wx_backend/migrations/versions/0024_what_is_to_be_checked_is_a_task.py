"""What somebody has to ask about is counted by its tasks: the letters need no index for it."""

import sqlalchemy as sa
from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: nothing reads it any more."""
    op.drop_index('ix_letters_to_check', 'letters')


def downgrade() -> None:
    """Back: it is there again."""
    op.create_index(
        'ix_letters_to_check', 'letters', ['id'], unique=False,
        postgresql_where=sa.text("state = 'needs_check'"), sqlite_where=sa.text("state = 'needs_check'"),
    )
