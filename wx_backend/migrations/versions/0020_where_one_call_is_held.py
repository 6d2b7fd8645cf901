"""Where somebody wanted one call to be held, and why; and how a screen's calls of a day are found."""

import sqlalchemy as sa
from alembic import op

revision = '0020'
down_revision = '0019'
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
        batch_op.create_index(
            batch_op.f('ix_family_calls_station_id_starts_at'), ['station_id', 'starts_at'], unique=False
        )


def downgrade() -> None:
    """Back: a call stays where it is, and nobody knows why."""
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_family_calls_station_id_starts_at'))
        batch_op.drop_column('venue_why')
        batch_op.drop_column('venue_wish')
