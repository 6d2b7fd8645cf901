"""Two hundred clients book eight hundred half-hours of one screen: by cells, and by a lock on the screen's row."""

import random
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from threading import Barrier, BoundedSemaphore

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, delete, func, insert, select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.places.cells import Cell, occupy
from models.places.centres import Station
from tests.bench.figure import Figure, each
from tests.cast import settle
from tests.world import NOW, Databases, disposing
from wx_backend.database import SessionFactory, make_engine, session_factory

CLIENTS, DAYS, A_DAY, ROUNDS = 200, 40, 20, 3
CONNECTIONS = 60  # what a server of a hundred has for one application; the other clients wait for one
HALF = timedelta(minutes=30)

# What the peer keeps: the obvious table, with the index that its question needs.
PEER = MetaData()
BOOKINGS = Table(
    "peer_bookings", PEER, Column("id", Integer, primary_key=True), Column("station_id", Integer, nullable=False),
    Column("starts_at", DateTime(timezone=True), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False), Index(None, "station_id", "starts_at"),
)  # fmt: skip

Book = Callable[[Session, int, datetime, str], bool]


def run(folder: Path, rounds: int = ROUNDS) -> list[Figure]:
    """Attempts a second of both, side by side, and whether every half-hour was booked once; needs PostgreSQL."""
    databases = Databases(folder)
    speed: dict[str, list[float]] = {"cells": [], "locks": []}
    booked, twice = list[float](), list[float]()
    try:
        with databases.fresh("postgresql") as url, disposing(make_engine(url, pool_size=CONNECTIONS)) as engine:
            open_session = session_factory(engine)
            with open_session() as session, session.begin():
                station = settle(session, NOW).stations[0].id
            PEER.create_all(engine)
            for number in range(rounds):
                for name, book in (("cells", by_cells), ("locks", by_lock)):
                    speed[name].append(attempts_per_second(open_session, book, station, number))
                with open_session() as session:
                    taken = session.execute(select(Cell.cell_start, func.count()).where(
                        Cell.resource_id == f"station:{station}").group_by(Cell.cell_start)).all()  # fmt: skip
                    holders = session.execute(select(Cell.held_by, func.count()).group_by(Cell.held_by)).all()
                booked.append(len(taken) / 2)
                # A booking has its two quarters of the screen and the two of its client, or nothing at all.
                twice.append(sum(count > 1 for _, count in taken) + sum(count != 4 for _, count in holders))
                with open_session() as session, session.begin():
                    session.execute(delete(Cell))
                    session.execute(delete(BOOKINGS))
    finally:
        databases.close()
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Figure("booking by cells / SELECT … FOR UPDATE and a look", each(speed, "cells", "locks"), "ratio", 1.5),
        Figure("attempts to book by cells, 200 clients", tuple(speed["cells"]), "per second"),
        Figure("the same with SELECT … FOR UPDATE", tuple(speed["locks"]), "per second"),
        Figure("half-hours booked of 800 by 200 clients", tuple(booked), "booked", DAYS * A_DAY),
        Figure("half-hours booked twice, or in part", tuple(twice), "booked", 0, at_most=True),
    ]


def by_cells(session: Session, station: int, start: datetime, client: str) -> bool:
    """As the product does it: all cells or none, and the primary key decides."""
    try:
        occupy(session, [f"station:{station}", f"person:{client}"], start, start + HALF, f"call:{client}")
    except Refused:
        return False
    return True


def by_lock(session: Session, station: int, start: datetime, client: str) -> bool:
    """As it is done elsewhere: the screen's row is locked, what overlaps is looked for, a row is written."""
    session.execute(select(Station.id).where(Station.id == station).with_for_update())
    overlap = select(BOOKINGS.c.id).where(
        BOOKINGS.c.station_id == station, BOOKINGS.c.starts_at < start + HALF, BOOKINGS.c.ends_at > start
    )
    if session.execute(overlap.limit(1)).first() is not None:
        return False
    session.execute(insert(BOOKINGS).values(station_id=station, starts_at=start, ends_at=start + HALF))
    return True


def attempts_per_second(open_session: SessionFactory, book: Book, station: int, number: int) -> float:
    """Every client tries one of the twenty half-hours of each day; each is tried by ten."""
    dice, start, room = random.Random(number), Barrier(CLIENTS + 1), BoundedSemaphore(CONNECTIONS)
    wishes = [dice.sample([n % A_DAY for n in range(CLIENTS)], CLIENTS) for _ in range(DAYS)]

    def client(key: int) -> int:
        start.wait(120)
        won = 0
        for day, wished in enumerate(wishes):
            moment = NOW + timedelta(days=day) + wished[key] * HALF
            with room, open_session() as session, session.begin():
                won += book(session, station, moment, f"{key}-{day}")
        return won

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, key) for key in range(CLIENTS)]
        start.wait(120)
        began = time.perf_counter()
        won = sum(one.result() for one in clients)
        took = time.perf_counter() - began
    assert won == DAYS * A_DAY, won
    return CLIENTS * DAYS / took
