"""What the desk has written into the audit can be read there in words."""

import ast

from handlers.people.words import AUDIT_DETAILS, AUDIT_VERBS
from tests.test_shape import python

WRITERS = {"note", "done", "_done"}  # `desk.note`, and what a room of the desk does after a deed


def written():
    """Every call with which a room of the desk has a line written: the verb that stands there, the names beside it."""
    for name, _, tree in python("handlers"):
        if name.endswith("desk.py"):
            for node in ast.walk(tree):
                called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
                if called in WRITERS and isinstance(node.args[0], ast.Constant):
                    yield node.args[0].value, [word.arg for word in node.keywords if word.arg]


def test_every_deed_at_the_desk_and_what_is_kept_of_it_has_a_word():
    found = list(written())
    assert len(found) > 40
    assert {verb for verb, _ in found} - AUDIT_VERBS.keys() == set()
    assert {name for _, names in found for name in names} - AUDIT_DETAILS.keys() == set()
