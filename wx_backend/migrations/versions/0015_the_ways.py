"""How a call is held: its way, the mini-program's minutes, devices that ring; guardians, and links that end."""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards."""
    op.create_table('voip_months',
    sa.Column('app_id', sa.String(length=32), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('app_id', 'month', name=op.f('pk_voip_months'))
    )
    op.create_table('voip_uses',
    sa.Column('id', KEY, nullable=False),
    sa.Column('call_id', KEY, nullable=False),
    sa.Column('app_id', sa.String(length=32), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('media', sa.String(length=8), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=True),
    sa.Column('said_by_id', KEY, nullable=True),
    sa.Column('said_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['call_id'], ['family_calls.id'], name=op.f('fk_voip_uses_call_id_family_calls')),
    sa.ForeignKeyConstraint(['said_by_id'], ['persons.id'], name=op.f('fk_voip_uses_said_by_id_persons')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_voip_uses')),
    sa.UniqueConstraint('call_id', name=op.f('uq_voip_uses_call_id'))
    )
    op.create_table('voip_devices',
    sa.Column('id', KEY, nullable=False),
    sa.Column('station_id', KEY, nullable=False),
    sa.Column('sn', sa.String(length=128), nullable=False),
    sa.Column('model_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=13), nullable=False),
    sa.ForeignKeyConstraint(['station_id'], ['stations.id'], name=op.f('fk_voip_devices_station_id_stations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_voip_devices')),
    sa.UniqueConstraint('sn', name=op.f('uq_voip_devices_sn')),
    sa.UniqueConstraint('station_id', name=op.f('uq_voip_devices_station_id'))
    )
    op.create_table('device_grants',
    sa.Column('id', KEY, nullable=False),
    sa.Column('person_id', KEY, nullable=False),
    sa.Column('device_id', KEY, nullable=False),
    sa.Column('state', sa.String(length=8), nullable=False),
    sa.Column('said_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['device_id'], ['voip_devices.id'], name=op.f('fk_device_grants_device_id_voip_devices')),
    sa.ForeignKeyConstraint(['person_id'], ['persons.id'], name=op.f('fk_device_grants_person_id_persons')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_device_grants')),
    sa.UniqueConstraint('person_id', 'device_id', name=op.f('uq_device_grants_person_id_device_id'))
    )
    # What there is already: calls were placed by hand, and are so still.
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.add_column(sa.Column('way', sa.String(length=12), nullable=False, server_default='by_hand'))
        batch_op.add_column(sa.Column('media', sa.String(length=8), nullable=False, server_default='video'))
        batch_op.add_column(sa.Column('group_key', sa.String(length=32), nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_family_calls_group_key'), ['group_key'])
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.alter_column('way', server_default=None)
        batch_op.alter_column('media', server_default=None)
    with op.batch_alter_table('care_links', schema=None) as batch_op:
        batch_op.add_column(sa.Column('guardian', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('reminded_of', sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_care_links_expires_at'), ['expires_at'], unique=False)
    with op.batch_alter_table('care_links', schema=None) as batch_op:
        batch_op.alter_column('guardian', server_default=None)


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table('care_links', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_care_links_expires_at'))
        batch_op.drop_column('reminded_of')
        batch_op.drop_column('expires_at')
        batch_op.drop_column('guardian')
    with op.batch_alter_table('family_calls', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_family_calls_group_key'), type_='unique')
        batch_op.drop_column('group_key')
        batch_op.drop_column('media')
        batch_op.drop_column('way')
    op.drop_table('device_grants')
    op.drop_table('voip_devices')
    op.drop_table('voip_uses')
    op.drop_table('voip_months')
