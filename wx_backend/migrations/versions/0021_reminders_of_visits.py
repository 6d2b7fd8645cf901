"""Reminders of visits: how often the time of a visit was changed."""

import sqlalchemy as sa
from alembic import op

revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: visits that are agreed already count from nought."""
    with op.batch_alter_table('visits', schema=None) as batch_op:
        batch_op.add_column(sa.Column('revision', sa.Integer(), nullable=False, server_default='0'))
    with op.batch_alter_table('visits', schema=None) as batch_op:
        batch_op.alter_column('revision', server_default=None)
    # A rule that steps aside says nothing new: the clock only hears that visits which are agreed have no reminders yet.
    op.execute(
        "INSERT INTO reminder_rules (kind, role, name, mode, minutes, days, urgency, grace_minutes, active, heeded,"
        " changed_at) SELECT 'ordering.reminder', '*', 'eve', 'shipped', 0, 0, 'routine', 0, true, false,"
        " CURRENT_TIMESTAMP WHERE EXISTS (SELECT 1 FROM visits WHERE state IN ('scheduled', 'on_the_way'))"
    )


def downgrade() -> None:
    """Back: visits are not reminded of, and no row steps aside."""
    op.execute("DELETE FROM reminder_rules WHERE mode IN ('shipped', '') OR kind = 'ordering.reminder'")
    with op.batch_alter_table('visits', schema=None) as batch_op:
        batch_op.drop_column('revision')
