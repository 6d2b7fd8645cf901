"""Voices: who stands behind a need or a demand, counted as people and not as rows, however they were merged."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import CTE, ColumnElement, and_, case, distinct, func, select
from sqlalchemy.orm import Session, aliased

from models.ordering.matters import seen_as
from models.ordering.needs import NeedSubmission
from models.people.identities import Who
from models.people.persons import Person

# A person once, however often they said it; each voice without a name is taken for another person.
PEOPLE: ColumnElement[int] = func.count(distinct(NeedSubmission.person_id)) + func.coalesce(
    func.sum(case((NeedSubmission.person_id.is_(None), 1), else_=0)), 0
)


@dataclass(frozen=True)
class Voice:
    """One voice as a reader may see it: of a confidential one neither name nor words (`hidden`)."""

    need: NeedSubmission
    name: str
    text: str
    hidden: bool


def trees(*roots: ColumnElement[bool]) -> CTE:
    """(need_id, root_id) for every need and the one into which it was merged at last; `roots` limits the latter."""
    start = select(NeedSubmission.id.label("need_id"), NeedSubmission.id.label("root_id")).where(
        NeedSubmission.state != "merged", *roots
    )
    tree = start.cte("tree", recursive=True)
    merged = aliased(NeedSubmission)
    return tree.union_all(
        select(merged.id, tree.c.root_id).join(
            tree, and_(merged.merged_into_id == tree.c.need_id, merged.state == "merged")
        )
    )


def people_behind(session: Session, roots: Collection[int]) -> dict[int, int]:
    """How many people stand behind each of these needs, those merged into it included."""
    tree = trees(NeedSubmission.id.in_(roots))
    query = (
        select(tree.c.root_id, PEOPLE.label("people"))
        .join(NeedSubmission, NeedSubmission.id == tree.c.need_id).group_by(tree.c.root_id)
    )  # fmt: skip
    return {row.root_id: row.people for row in session.execute(query)}


def people_of_demands(session: Session, demands: Collection[int]) -> dict[int, int]:
    """How many people stand behind each of these demands (by the first item of its line); 0 is left out."""
    root = aliased(NeedSubmission)
    tree = trees(NeedSubmission.state == "adopted", NeedSubmission.demand_id.in_(demands))
    query = (
        select(root.demand_id, PEOPLE.label("people"))
        .select_from(tree).join(root, root.id == tree.c.root_id)
        .join(NeedSubmission, NeedSubmission.id == tree.c.need_id).group_by(root.demand_id)
    )  # fmt: skip
    return {row.demand_id: row.people for row in session.execute(query) if row.demand_id is not None}


def voices_of(session: Session, roots: Iterable[int]) -> list[NeedSubmission]:
    """Every voice behind these needs, the oldest first."""
    tree = trees(NeedSubmission.id.in_(list(roots)))
    query = select(NeedSubmission).join(tree, tree.c.need_id == NeedSubmission.id).order_by(NeedSubmission.id)
    return list(session.scalars(query))


def root_of(session: Session, need: NeedSubmission) -> NeedSubmission:
    """The need into which this one was merged at last; itself when it was not."""
    while need.state == "merged" and need.merged_into_id is not None:
        need = session.get_one(NeedSubmission, need.merged_into_id)
    return need


def voices_seen(session: Session, who: Who, need: NeedSubmission) -> list[Voice]:
    """The voices behind a need as this clerk may see them: a confidential one that another holds is only counted."""
    found: list[Voice] = []
    for one in voices_of(session, [need.id]):
        hidden = one.confidential and seen_as(session, who, one) != "clerk"
        name = "" if hidden or one.person_id is None else session.get_one(Person, one.person_id).name
        found.append(Voice(one, name, "" if hidden else one.text, hidden))
    return found


def alike(one: str, other: str) -> float:
    """How alike two texts are, 0 to 1: the share of pairs of neighbouring characters that both have (Dice)."""
    a, b = _pairs(one), _pairs(other)
    return 2 * len(a & b) / (len(a) + len(b)) if a and b else 0.0


def _pairs(text: str) -> set[str]:
    plain = [ch for ch in text.lower() if ch.isalnum()]
    return {first + second for first, second in pairwise(plain)}
