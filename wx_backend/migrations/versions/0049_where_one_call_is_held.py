"""Where somebody wanted one call to be held, and why, when that is not as it is with this elder."""

import sqlalchemy as sa
from alembic import op

revision = '0049'
down_revision = '0048'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: what stands is held as it is with its elder."""
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.add_column(sa.Column('venue_wish', sa.String(length=12), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('venue_why', sa.String(length=200), nullable=False, server_default=''))
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.alter_column('venue_wish', server_default=None)
        batch_op.alter_column('venue_why', server_default=None)


def downgrade() -> None:
    """Back: a call stays where it is, and nobody knows why."""
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.drop_column('venue_why')
        batch_op.drop_column('venue_wish')
