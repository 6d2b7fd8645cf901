"""Every table and every life in one place: importing this room makes the metadata whole."""

from models import audit, history, hours
from models.base import Base
from models.family import calls, guests
from models.life import Life
from models.messages import answers, breakers, budgets, inbox, letters, media, optouts, receipts, rules, subscriptions
from models.ordering import assignments, demands, help, listings, needs, orders, publications, tallies, versions
from models.people import (
    accounts,
    care,
    consent,
    contacts,
    desk_sessions,
    entering,
    identities,
    persons,
    signins,
    staff,
)  # fmt: skip
from models.places import areas, cells, centres
from models.tasks import escalation, tasks

ROOMS = (
    history, hours, areas, centres, cells, persons, identities, care, consent, contacts, staff, entering,
    inbox, letters, receipts, budgets, breakers, subscriptions, optouts, rules,
    tasks, escalation, listings, versions, orders, assignments, tallies, publications, calls, guests,
    media, demands, needs, help, signins, answers, audit, desk_sessions, accounts,
)  # fmt: skip

METADATA = Base.metadata

LIVES: tuple[Life, ...] = (
    care.CARE, listings.LISTING, versions.VERSION, orders.ORDER, assignments.ASSIGNMENT, calls.CALL, guests.GUEST,
    letters.LETTER, tasks.TASK, media.MEDIA, needs.NEED, demands.DEMAND_LIST, help.HELP,
)  # fmt: skip
