"""Closures at the desk, seats out of service, and what was decided of each call that they shut out."""

import sqlalchemy as sa
from alembic import op

from models.base import Instant

revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards: what the county's file has shut stands."""
    with op.batch_alter_table('closures', schema=None) as batch_op:
        batch_op.add_column(sa.Column('client_key', sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column('state', sa.String(length=12), nullable=False, server_default='standing'))
        batch_op.create_unique_constraint(batch_op.f('uq_closures_client_key'), ['client_key'])
    with op.batch_alter_table('closures', schema=None) as batch_op:
        batch_op.alter_column('state', server_default=None)
    op.create_table(
        'shut_out_calls',
        sa.Column('id', KEY, nullable=False),
        sa.Column('cause', sa.String(length=40), nullable=False),
        sa.Column('call_id', KEY, nullable=False),
        sa.Column('revision', sa.Integer(), nullable=False),
        sa.Column('starts_at', Instant(), nullable=False),
        sa.Column('choice', sa.String(length=8), nullable=False),
        sa.Column('outcome', sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ['call_id'], ['family_calls.id'], name=op.f('fk_shut_out_calls_call_id_family_calls')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_shut_out_calls')),
        sa.UniqueConstraint('cause', 'call_id', name=op.f('uq_shut_out_calls_cause_call_id')),
    )
    with op.batch_alter_table('shut_out_calls', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_shut_out_calls_call_id'), ['call_id'], unique=False)
    op.create_table(
        'station_outages',
        sa.Column('id', KEY, nullable=False),
        sa.Column('client_key', sa.String(length=40), nullable=False),
        sa.Column('station_id', KEY, nullable=False),
        sa.Column('starts_at', Instant(), nullable=False),
        sa.Column('ends_at', Instant(), nullable=False),
        sa.Column('reason', sa.String(length=60), nullable=False),
        sa.Column('state', sa.String(length=12), nullable=False),
        sa.ForeignKeyConstraint(
            ['station_id'], ['stations.id'], name=op.f('fk_station_outages_station_id_stations')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_station_outages')),
        sa.UniqueConstraint('client_key', name=op.f('uq_station_outages_client_key')),
    )
    with op.batch_alter_table('station_outages', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_station_outages_station_id'), ['station_id'], unique=False)


def downgrade() -> None:
    """Back: what was taken back is gone."""
    op.drop_table('station_outages')
    op.drop_table('shut_out_calls')
    op.execute("DELETE FROM closures WHERE state = 'taken_back'")
    with op.batch_alter_table('closures', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_closures_client_key'), type_='unique')
        batch_op.drop_column('state')
        batch_op.drop_column('client_key')
