"""A receipt knows whose it is also where it comes before its letter; a task knows who may not do it."""

import sqlalchemy as sa
from alembic import op

revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards: of what is there already nobody knows."""
    with op.batch_alter_table('receipts', schema=None) as batch_op:
        batch_op.add_column(sa.Column('identity_id', KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_receipts_identity_id_identities'), 'identities', ['identity_id'], ['id']
        )
    with op.batch_alter_table('tasks', schema=None) as batch_op:
        batch_op.add_column(sa.Column('but_not', sa.JSON(), nullable=False, server_default='[]'))
    with op.batch_alter_table('tasks', schema=None) as batch_op:
        batch_op.alter_column('but_not', server_default=None)


def downgrade() -> None:
    """Back: both are forgotten."""
    with op.batch_alter_table('tasks', schema=None) as batch_op:
        batch_op.drop_column('but_not')
    with op.batch_alter_table('receipts', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_receipts_identity_id_identities'), type_='foreignkey')
        batch_op.drop_column('identity_id')
