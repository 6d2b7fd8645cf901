"""The one way a rule says no to a person."""

from typing import Any


class Refused(Exception):
    """A rule refuses what a person asked; nothing was changed.

    `code` is a stable snake_case word that `words` turns into one kind sentence and `guard` into 403, 404 or 409;
    `facts` are the plain values that sentence needs (never a password, never somebody else's data).
    """

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code} {self.facts}" if self.facts else self.code
