"""A letter in doubt knows to which WeChat of its reader it was tried."""

import sqlalchemy as sa
from alembic import op

revision = '0027'
down_revision = '0026'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards: of what is in doubt now nobody knows it."""
    with op.batch_alter_table('letters', schema=None) as batch_op:
        batch_op.add_column(sa.Column('identity_id', KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_letters_identity_id_identities'), 'identities', ['identity_id'], ['id']
        )


def downgrade() -> None:
    """Back: it is forgotten."""
    with op.batch_alter_table('letters', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_letters_identity_id_identities'), type_='foreignkey')
        batch_op.drop_column('identity_id')
