"""News from home: once a month a cadre writes a few lines about an elder who agreed, a photo with them."""

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Row
from models.errors import Refused
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.media import MEDIA, Attached, Media, attach, media_of, one_of
from models.messages.outbox import post
from models.people.care import linked_to, links_to, may_act_for
from models.people.consent import Consent, consents_to
from models.people.homes import centre_of
from models.people.identities import Who
from models.people.persons import Person
from models.people.scope import resident_of
from models.places.centres import phone_of
from models.tasks.undelivered import take_back

KIND, PHOTOS = "home_news", "photos"  # of consent: to be written about, and to be shown
LETTER = "family.news"  # that there is something to read: who wants none of these wants none that begin so
PHOTO_LETTER = "family.photo"  # the photo itself, for who reads: whoever wants no news has asked for it all the same
TEXT_LIMIT = 300
SHOWN = 6
PHOTO_USEFUL = timedelta(minutes=30)  # while somebody still reads


class HomeNews(Row):
    """A few lines about one person in one month. They are read where somebody has signed in, never in a letter."""

    __tablename__ = "home_news"
    __table_args__ = (UniqueConstraint("cared_id", "month"),)  # once a month, whoever writes

    cared_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    month: Mapped[str] = mapped_column(String(7))  # "2026-11", in China
    text: Mapped[str] = mapped_column(String(TEXT_LIMIT))
    written_by_id: Mapped[int] = mapped_column(ForeignKey("persons.id"))
    at: Mapped[datetime]

    @property
    def subject(self) -> str:
        """The name under which letters know this."""
        return f"news:{self.id}"


def write(
    session: Session, who: Who, cared_id: int, text: str, now: datetime, photo: Attached | None = None
) -> HomeNews:  # fmt: skip
    """Write to the confirmed relatives of a resident; each hears that there is something to read.

    Raises Refused("not_yours") for anybody but a cadre over the village, ("news_consent", cared=…) where the resident
    has not agreed or does not any more, ("said_nothing"), ("said_long", limit=…, length=…), ("nobody_to_tell",
    cared=…), or ("news_this_month", cared=…); with a photo also as `check_photo`, or ("no_media") for what is none.
    """
    cared, said = resident_of(session, who.person_id, cared_id), text.strip()
    if cared.state != "active" or not consents_to(session, cared.id, KIND):
        raise Refused("news_consent", cared=cared.name)
    if not said:
        raise Refused("said_nothing")
    if len(said) > TEXT_LIMIT:
        raise Refused("said_long", limit=TEXT_LIMIT, length=len(said))
    readers = [person.id for _, person in links_to(session, cared.id) if person.id != who.person_id]
    if not readers:
        raise Refused("nobody_to_tell", cared=cared.name)
    if photo is not None:
        check_photo(session, cared)
        if photo.kind != "image":
            raise Refused("no_media")
    news = HomeNews(cared_id=cared.id, month=f"{now.astimezone(CHINA):%Y-%m}", text=said, written_by_id=who.person_id,
                    at=now)  # fmt: skip
    try:
        with session.begin_nested():
            session.add(news)
    except IntegrityError as error:
        raise Refused("news_this_month", cared=cared.name) from error
    if photo is not None:
        attach(session, news.subject, who.app_id, photo, now)
    centre = centre_of(session, cared)
    facts = {"news": news.id, "cared": cared.name, "at": now.isoformat(),
             "phone": phone_of(session, centre) if centre else ""}  # fmt: skip
    for reader in readers:
        post(session, key=f"{news.subject}/{reader}", person_id=reader, kind=LETTER, facts=facts,
             subject=news.subject, now=now, about_id=cared.id)  # fmt: skip
    return news


def check_photo(session: Session, cared: Person) -> None:
    """Raises Refused("photo_consent", cared=…) where the resident has not agreed to be shown, or does not any more."""
    if not consents_to(session, cared.id, PHOTOS):
        raise Refused("photo_consent", cared=cared.name)


def photo_of(session: Session, news: HomeNews) -> Media | None:
    """The photo of some news, on its way or there, as long as the person agrees to be shown."""
    found = [one for one in media_of(session, news.subject) if one.state in ("waiting", "kept")]
    return found[-1] if found and consents_to(session, news.cared_id, PHOTOS) else None


def photo_for(session: Session, who: Who, news_id: int, media_id: int) -> Media:
    """The same, there to be sent, for who may read the news; raises Refused("not_yours") for everybody else."""
    news = news_for(session, who, news_id)
    found = one_of(session, news.subject, media_id)
    if not consents_to(session, news.cared_id, PHOTOS):
        raise Refused("not_yours")
    return found


def send_photo(session: Session, who: Who, news: HomeNews, page: str, now: datetime) -> bool:
    """Who reads now, and so has the window open, is sent the photo into it, once; `page` is said where it cannot be.

    Answers whether it is on its way to them now.
    """
    photo = photo_of(session, news)
    if photo is None or photo.state != "kept":
        return False
    key = f"{news.subject}/{who.person_id}/photo/{photo.id}"
    if session.scalar(select(Letter.id).where(Letter.key == key)) is not None:
        return False
    cared = session.get_one(Person, news.cared_id)
    post(
        session, key=key, person_id=who.person_id, kind=PHOTO_LETTER,
        facts={"cared": cared.name, "file": photo.file, "page": page}, subject=MEDIA.subject(photo), now=now,
        useful_until=now + PHOTO_USEFUL, about_id=news.cared_id, urgency="same_day", app_id=who.app_id,
    )  # fmt: skip
    return True


def news_for(session: Session, who: Who, news_id: int) -> HomeNews:
    """What was written, for a relative who may still act for that person, as long as the person agrees to it.

    Raises Refused("not_yours"): for a stranger there is no such thing.
    """
    news = session.get(HomeNews, news_id)
    if news is None or not may_act_for(session, who.person_id, news.cared_id):
        raise Refused("not_yours")
    if not consents_to(session, news.cared_id, KIND) or session.get_one(Person, news.cared_id).state != "active":
        raise Refused("not_yours")
    return news


def news_of(session: Session, who: Who) -> list[HomeNews]:
    """The last news of everybody this person acts for and who still agrees, the newest first; none without words."""
    agreed = exists().where(
        Consent.person_id == HomeNews.cared_id, Consent.kind == KIND, Consent.withdrawn_at.is_(None)
    )
    query = (
        select(HomeNews).join(Person, HomeNews.cared_id == Person.id)
        .where(HomeNews.cared_id.in_(linked_to(who.person_id)), agreed, Person.state == "active", HomeNews.text != "")
        .order_by(HomeNews.id.desc()).limit(SHOWN)
    )  # fmt: skip
    return list(session.scalars(query))


def stop_news(session: Session, person_id: int, now: datetime) -> None:
    """The person agrees no more: what nobody has been told of yet is not told, and what was written is not shown."""
    for news in session.scalars(select(HomeNews).where(HomeNews.cared_id == person_id)).all():
        take_back(session, news.subject, now)
    stop_photos(session, person_id, now)


def stop_photos(session: Session, person_id: int, now: datetime) -> None:
    """The person agrees no more to be shown: no photo of theirs is sent any more, and none is shown."""
    for news in session.scalars(select(HomeNews).where(HomeNews.cared_id == person_id)).all():
        for photo in media_of(session, news.subject):
            take_back(session, MEDIA.subject(photo), now)
