"""Alliances of centres, for a time; the hours by which bookings were last looked through."""

import sqlalchemy as sa
from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards."""
    op.create_table(
        'centre_alliances',
        sa.Column('id', KEY, nullable=False),
        sa.Column('code', sa.String(length=20), nullable=False),
        sa.Column('name', sa.String(length=60), nullable=False),
        sa.Column('first_day', sa.Date(), nullable=False),
        sa.Column('last_day', sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_centre_alliances')),
        sa.UniqueConstraint('code', name=op.f('uq_centre_alliances_code')),
    )
    op.create_table(
        'allied_centres',
        sa.Column('id', KEY, nullable=False),
        sa.Column('alliance_id', KEY, nullable=False),
        sa.Column('centre_id', KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ['alliance_id'], ['centre_alliances.id'], name=op.f('fk_allied_centres_alliance_id_centre_alliances')
        ),
        sa.ForeignKeyConstraint(
            ['centre_id'], ['service_centres.id'], name=op.f('fk_allied_centres_centre_id_service_centres')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_allied_centres')),
        sa.UniqueConstraint('alliance_id', 'centre_id', name=op.f('uq_allied_centres_alliance_id_centre_id')),
    )
    with op.batch_alter_table('allied_centres', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_allied_centres_centre_id'), ['centre_id'], unique=False)
    op.create_table(
        'hours_heeded',
        sa.Column('name', sa.String(length=8), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_hours_heeded')),
    )
    with op.batch_alter_table('closures', schema=None) as batch_op:
        batch_op.drop_column('heeded')


def downgrade() -> None:
    """Back."""
    with op.batch_alter_table('closures', schema=None) as batch_op:
        batch_op.add_column(sa.Column('heeded', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_table('hours_heeded')
    op.drop_table('allied_centres')
    op.drop_table('centre_alliances')
