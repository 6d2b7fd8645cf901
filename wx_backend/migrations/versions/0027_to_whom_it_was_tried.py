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
    op.add_column('letters', sa.Column('identity_id', KEY, nullable=True))


def downgrade() -> None:
    """Back: it is forgotten."""
    op.drop_column('letters', 'identity_id')
