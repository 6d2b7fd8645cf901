"""Receipts and doubts that are found without reading every row there ever was."""

import sqlalchemy as sa
from alembic import op

revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forwards: what waits to be joined, what a letter has had, what came lately; letters somebody must ask about."""
    with op.batch_alter_table('receipts', schema=None) as batch_op:
        batch_op.create_index(
            'ix_receipts_waiting', ['app_id', 'msgid'], unique=False,
            postgresql_where=sa.text('letter_id IS NULL'), sqlite_where=sa.text('letter_id IS NULL'),
        )
        batch_op.create_index(batch_op.f('ix_receipts_letter_id'), ['letter_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_receipts_received_at'), ['received_at'], unique=False)
    with op.batch_alter_table('letters', schema=None) as batch_op:
        batch_op.create_index(
            'ix_letters_to_check', ['id'], unique=False,
            postgresql_where=sa.text("state = 'needs_check'"), sqlite_where=sa.text("state = 'needs_check'"),
        )


def downgrade() -> None:
    """Back: they are looked for through the whole tables."""
    with op.batch_alter_table('letters', schema=None) as batch_op:
        batch_op.drop_index('ix_letters_to_check')
    with op.batch_alter_table('receipts', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_receipts_received_at'))
        batch_op.drop_index(batch_op.f('ix_receipts_letter_id'))
        batch_op.drop_index('ix_receipts_waiting')
