"""Reminders of visits: how often the time of a visit was changed."""

import sqlalchemy as sa
from alembic import op

revision = '0068'
down_revision = '0017'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: visits that are agreed already count from nought."""
    with op.batch_alter_table('visits', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revision', sa.Integer(), nullable=False, server_default='0'))
    with op.batch_alter_table('visits', schema=None) as batch_op:
        batch_op.alter_column('revision', server_default=None)


def downgrade() -> None:
    """Back: visits are not reminded of."""
    with op.batch_alter_table('visits', schema=None) as batch_op:
        batch_op.drop_column('revision')
