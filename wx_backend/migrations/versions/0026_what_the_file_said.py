"""What a county's file said last, so that loading it again undoes nothing that people have changed since."""

import sqlalchemy as sa
from alembic import op

revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: of what was loaded before nobody knows what the file said, so its next load counts in full."""
    op.create_table(
        'loaded_rows',
        sa.Column('section', sa.String(length=20), nullable=False),
        sa.Column('key', sa.String(length=16), nullable=False),
        sa.Column('said', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('section', 'key', name=op.f('pk_loaded_rows')),
    )


def downgrade() -> None:
    """Back: it is forgotten."""
    op.drop_table('loaded_rows')
