"""Every table and every life in one place: importing this room makes the metadata whole."""

from models import audit, history, hours
from models.base import Base
from models.family import (
    call_days,
    calls,
    devices,
    feeds,
    guests,
    holds,
    makeup,
    minutes,
    news,
    occurrences,
    pairing,
    passes,
    presence,
    proposals,
    reports,
    rooms,
    routines,
    series,
    shut_out,
    told,
    wellbeing,
)
from models.life import Life
from models.messages import answers, breakers, budgets, inbox, letters, media, optouts, receipts, rules, subscriptions
from models.ordering import (
    assignments,
    complaints,
    demands,
    help,
    listings,
    loans,
    needs,
    orders,
    publications,
    ratings,
    skills,
    tallies,
    teams,
    versions,
    visits,
    waiting,
)  # fmt: skip
from models.people import (
    accounts,
    care,
    consent,
    contacts,
    desk_sessions,
    entering,
    identities,
    lives,
    persons,
    signins,
    staff,
)  # fmt: skip
from models.places import alliances, areas, cells, centres, equipment, heeding, lent, outages, travel
from models.tasks import escalation, tasks

ROOMS = (
    history, audit, hours, areas, centres, alliances, heeding, cells, travel, equipment, outages, lent,
    persons, lives, identities, care, consent, contacts, staff, entering, signins, desk_sessions, accounts,
    inbox, letters, receipts, budgets, breakers, subscriptions, optouts, rules, media, answers, tasks, escalation,
    listings, versions, orders, assignments, tallies, publications, skills, teams, loans, visits, ratings, complaints,
    demands, needs, help, waiting,
    calls, guests, proposals, makeup, reports, wellbeing, news, pairing, told, rooms, passes, presence, series,
    occurrences, feeds, holds, routines, call_days, minutes, devices, shut_out,
)  # fmt: skip

METADATA = Base.metadata

LIVES: tuple[Life, ...] = (
    centres.CLOSURE, outages.OUTAGE, care.CARE, lives.PERSON, listings.LISTING, versions.VERSION, orders.ORDER,
    assignments.ASSIGNMENT, visits.VISIT, loans.LOAN, complaints.COMPLAINT, needs.NEED, demands.DEMAND_LIST, help.HELP,
    waiting.WAITING, calls.CALL, call_days.CALL_DAY, guests.GUEST, proposals.PROPOSAL, makeup.MAKEUP, pairing.PAIRING,
    series.SERIES, occurrences.OCCURRENCE, letters.LETTER, media.MEDIA, tasks.TASK,
)  # fmt: skip
