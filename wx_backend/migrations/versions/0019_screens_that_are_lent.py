"""Screens that go to homes are lent too, and a day of a loan says which centre may take the thing along."""

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Forwards: what is lent today is the borrower's at once."""
    with op.batch_alter_table('resource_loans', schema=None) as batch_op:
        batch_op.add_column(sa.Column('station_id', KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_resource_loans_station_id_stations'), 'stations', ['station_id'], ['id']
        )
    with op.batch_alter_table('loan_days', schema=None) as batch_op:
        batch_op.add_column(sa.Column('to_centre_id', KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f('fk_loan_days_to_centre_id_service_centres'), 'service_centres', ['to_centre_id'], ['id']
        )
        batch_op.create_index(batch_op.f('ix_loan_days_to_centre_id'), ['to_centre_id'], unique=False)
    op.execute(
        "UPDATE loan_days SET to_centre_id = (SELECT resource_loans.to_centre_id FROM resource_loans"
        " WHERE resource_loans.id = loan_days.loan_id AND resource_loans.order_id IS NULL"
        " AND resource_loans.state IN ('approved', 'handed_over'))"
    )


def downgrade() -> None:
    """Back: nobody lends screens any more."""
    op.execute(
        "DELETE FROM loan_days WHERE loan_id IN (SELECT id FROM resource_loans WHERE resource_loans.kind = 'station')"
    )
    op.execute("DELETE FROM resource_loans WHERE kind = 'station'")
    with op.batch_alter_table('loan_days', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_loan_days_to_centre_id'))
        batch_op.drop_constraint(batch_op.f('fk_loan_days_to_centre_id_service_centres'), type_='foreignkey')
        batch_op.drop_column('to_centre_id')
    with op.batch_alter_table('resource_loans', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_resource_loans_station_id_stations'), type_='foreignkey')
        batch_op.drop_column('station_id')
