"""What a county's file said last, row by row: a cell that says the same again says nothing new."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class LoadedRow(Base):
    """One row of the file as it was loaded last. Only digests are kept: of whom it speaks stands elsewhere, and is
    forgotten there."""

    __tablename__ = "loaded_rows"

    section: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(16), primary_key=True)  # of the cells by which the section knows a row
    said: Mapped[dict[str, Any]]  # column → digest of its cell
