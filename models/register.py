"""Every table and every life in one place: importing this room makes the metadata whole."""

from models import history, hours
from models.base import Base
from models.family import calls
from models.life import Life
from models.messages import breakers, budgets, inbox, letters, optouts, receipts, rules, subscriptions
from models.ordering import assignments, complaints, listings, loans, orders, ratings, skills, teams, visits
from models.people import care, consent, contacts, identities, lives, persons, staff
from models.places import areas, cells, centres, equipment, travel
from models.tasks import escalation, tasks

ROOMS = (
    history, hours, areas, centres, cells, travel, equipment,
    persons, lives, identities, care, consent, contacts, staff,
    inbox, letters, receipts, budgets, breakers, subscriptions, optouts, rules,
    tasks, escalation, listings, orders, assignments, skills, teams, loans, visits,
    ratings, complaints, calls,
)  # fmt: skip

METADATA = Base.metadata

LIVES: tuple[Life, ...] = (
    care.CARE, listings.LISTING, orders.ORDER, assignments.ASSIGNMENT, visits.VISIT, loans.LOAN,
    complaints.COMPLAINT, calls.CALL, lives.PERSON, letters.LETTER, tasks.TASK,
)  # fmt: skip
