"""Calls at home: who is homebound, screens that go along and how long they run, vehicles, and that a helper set out."""

import sqlalchemy as sa
from alembic import op

from models.base import Instant

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards."""
    with op.batch_alter_table('persons', schema=None) as batch_op:
        batch_op.add_column(sa.Column('homebound', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('persons', schema=None) as batch_op:
        batch_op.alter_column('homebound', server_default=None)
    with op.batch_alter_table('stations', schema=None) as batch_op:
        batch_op.add_column(sa.Column('battery_minutes', sa.Integer(), nullable=True))
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.add_column(sa.Column('vehicle_id', KEY, nullable=True))
        batch_op.add_column(sa.Column('set_out_at', Instant(), nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_family_calls_vehicle_id_equipment'), 'equipment', ['vehicle_id'], ['id']
        )


def downgrade() -> None:
    """Back: calls at home stand as if at the centre."""
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_family_calls_vehicle_id_equipment'), type_='foreignkey')
        batch_op.drop_column('set_out_at')
        batch_op.drop_column('vehicle_id')
    with op.batch_alter_table('stations', schema=None) as batch_op:
        batch_op.drop_column('battery_minutes')
    with op.batch_alter_table('persons', schema=None) as batch_op:
        batch_op.drop_column('homebound')
