"""Reminders that are planned anew by and by: of which kind, and how far that has come."""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: nothing is being planned anew."""
    op.create_table(
        'replannings',
        sa.Column('kind', sa.String(length=32), nullable=False),
        sa.Column('reached', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
        sa.PrimaryKeyConstraint('kind', name=op.f('pk_replannings')),
    )


def downgrade() -> None:
    """Back: what is half done is begun again."""
    op.execute('UPDATE reminder_rules SET heeded = false WHERE kind IN (SELECT kind FROM replannings)')
    op.drop_table('replannings')
