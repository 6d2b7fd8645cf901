"""A statement that runs on the driver's own cursor means the same as one that SQLAlchemy runs."""

from sqlalchemy import Column, Integer, MetaData, Table, insert, select

from models.messages.compiled import Compiled


def test_a_column_that_an_insert_leaves_out_has_the_default_of_its_table(engine):
    table = Table("probe", MetaData(), Column("id", Integer, primary_key=True), Column("served", Integer, default=7))
    with engine.connect() as connection, connection.begin():
        table.create(connection)
        Compiled(insert(table).values(id=1), engine.dialect).run(connection, {})
        Compiled(insert(table).values(id=2, served=3), engine.dialect).run(connection, {})
        assert connection.execute(select(table).order_by(table.c.id)).all() == [(1, 7), (2, 3)]
