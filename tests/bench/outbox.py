"""A county's outbox on PostgreSQL, with as many reminders pending as one likes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

from sqlalchemy import func, insert, make_url, select, text

from models.messages.letters import Letter
from models.messages.outbox import Draft, post, post_many
from models.people.identities import Identity
from models.people.persons import Person
from wx_backend import migrations
from wx_backend.config import EXAMPLE, load_config
from wx_backend.database import make_engine, session_factory
from wx_backend.now import real_now

NAME = "wxb_bench"  # every key that the bench leaves in Redis bears it
APP_ID = f"{NAME}_account"
PEOPLE = 2_000


class Outbox:
    """One migrated database whose people all follow the account."""

    def __init__(self, url: str) -> None:
        self.url, self.engine = url, make_engine(url)
        self.open_session = session_factory(self.engine)
        self.port = make_url(url).port or 5432
        self.lot = count(1)
        now = real_now()
        migrations.upgrade(self.engine)
        with self.engine.begin() as connection:
            people = connection.scalars(
                insert(Person.__table__).returning(Person.id),
                [{"name": f"居民{n}", "time_zone": "Europe/Madrid", "created_at": now} for n in range(PEOPLE)],
            ).all()
            connection.execute(
                insert(Identity.__table__),
                [{"app_id": APP_ID, "openid": f"o-{key}", "person_id": key, "since": now} for key in people],
            )
        self.people = list(people)

    def letter(self, lot: str, n: int, due: datetime) -> dict[str, object]:
        """One real reminder, as a row or as what `post` takes."""
        start = due + timedelta(hours=1)
        facts = {
            "cared": f"王奶奶{n % PEOPLE}", "relative": f"小芳{n % PEOPLE}", "helper": "李站长",
            "centre": "葛山村党群服务中心",
            "phone": "0578-5550101", "starts_at": start.isoformat(), "relative_zone": "Europe/Madrid",
            "rule": "t-1h", "role": "relative",
        }  # fmt: skip
        return {
            "key": f"{lot}:{n}", "person_id": self.people[n % PEOPLE], "kind": "family.reminder", "facts": facts,
            "subject": f"call:{n}", "due_at": due, "useful_until": start + timedelta(hours=24),
            "urgency": "same_day",  # the bench may run at night
        }  # fmt: skip

    def fill(self, how_many: int, due: datetime, lot: str = "") -> str:
        """So many reminders in one transaction, with one INSERT of many rows; answers the name of the lot.

        The client_msg_id names lot and number, so that arrivals can be told apart.
        """
        lot, now = lot or f"lot{next(self.lot)}", real_now()
        rows = [
            {**self.letter(lot, n, due), "next_at": due, "created_at": now, "client_msg_id": f"{lot}-{n}"}
            for n in range(how_many)
        ]
        with self.engine.begin() as connection:
            connection.execute(insert(Letter.__table__), rows)
        return lot

    def pend(self, how_many: int) -> None:
        """So many that are due in days: they only lie there."""
        self.fill(how_many, real_now() + timedelta(days=3), "far")
        self.settle_down()

    def post_each(self, how_many: int) -> None:
        """So many reminders by the rule itself, each in a transaction of its own."""
        lot, now = f"lot{next(self.lot)}", real_now()
        for n in range(how_many):
            with self.open_session() as session, session.begin():
                post(session, now=now, **self.letter(lot, n, now + timedelta(days=3)))

    def drafts(self, how_many: int, due: datetime) -> list[Draft]:
        """So many reminders as a plan hands them over."""
        lot = f"lot{next(self.lot)}"
        return [Draft(**self.letter(lot, n, due)) for n in range(how_many)]

    def post_lot(self, drafts: Sequence[Draft]) -> None:
        """Many reminders by the rule itself, in one transaction."""
        with self.open_session() as session, session.begin():
            post_many(session, drafts, real_now())

    def tidy(self) -> None:
        """Only those that lie there stay, and an account that has sent nothing yet."""
        with self.engine.begin() as connection:
            connection.execute(text("DELETE FROM letters WHERE key NOT LIKE 'far:%'"))
            connection.execute(text("DELETE FROM send_budgets"))
        self.settle_down()

    def settle_down(self) -> None:
        """What PostgreSQL would do by itself in a quieter minute."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE letters"))

    def sent(self, lot: str) -> list[datetime]:
        """When each letter of a lot was written down as sent, in order."""
        with self.engine.connect() as connection:
            query = select(Letter.sent_at).where(Letter.key.like(f"{lot}:%"), Letter.state == "sent")
            return sorted(connection.scalars(query))

    def left(self, lot: str) -> int:
        """How many of a lot are not settled."""
        with self.engine.connect() as connection:
            query = select(func.count()).where(Letter.key.like(f"{lot}:%"), Letter.state != "sent")
            return connection.scalar(query) or 0

    def environ(self, api: str, redis_url: str) -> dict[str, str]:
        """What makes the example's settings those of a clock on this database."""
        assert load_config(EXAMPLE).scheduler.threads == 64, "the figures are for 64 in flight"
        return {
            "WX_BACKEND_DATABASE__URL": self.url, "WX_BACKEND_REDIS__URL": redis_url,
            "WX_BACKEND_WECHAT__API_BASE_URL": api, "WX_BACKEND_WECHAT__OFFICIAL_ACCOUNT__APP_ID": APP_ID,
        }  # fmt: skip

    def close(self) -> None:
        """Leave the database."""
        self.engine.dispose()


def instant(stamp: float) -> datetime:
    """A wall-clock second as the database takes it."""
    return datetime.fromtimestamp(stamp, UTC)
