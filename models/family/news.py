"""News from home: once a month a cadre writes a few lines about an elder who agreed, a photo with them."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, UniqueConstraint, and_, exists, func, or_, select
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
from models.people.persons import Person, stay_as_they_are
from models.people.scope import resident_of
from models.places.centres import phone_of
from models.tasks.undelivered import take_back

KIND, PHOTOS = "home_news", "photos"  # of consent: to be written about, and to be shown
LETTER = "family.news"  # that there is something to read: who wants none of these wants none that begin so
PHOTO_LETTER = "family.photo"  # the photo itself, for who reads: whoever wants no news has asked for it all the same
TEXT_LIMIT = 300
SHOWN = 6
PHOTO_USEFUL = timedelta(minutes=30)  # while somebody still reads
BROUGHT_NOTHING = ("withdrawn", "dead", "missed")


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

    What was taken back before anybody heard of it makes way for what is written now. Raises Refused("not_yours") for
    anybody but a cadre over the village, ("news_consent", cared=…) where the resident has not agreed or does not any
    more, ("said_nothing"), ("said_long", limit=…, length=…), ("nobody_to_tell", cared=…), or ("news_this_month",
    cared=…); with a photo also as `check_photo`, or ("no_media") for what is none.
    """
    cared, said = resident_of(session, who.person_id, cared_id), text.strip()
    stay_as_they_are(session, cared.id)  # a consent that is taken back finds these news, or comes before them
    if cared.state != "active" or not consents_to(session, cared.id, KIND):
        raise Refused("news_consent", cared=cared.name)
    if not said:
        raise Refused("said_nothing")
    if len(said) > TEXT_LIMIT:
        raise Refused("said_long", limit=TEXT_LIMIT, length=len(said))
    readers = _readers(session, cared.id, who.person_id)
    if not readers:
        raise Refused("nobody_to_tell", cared=cared.name)
    if photo is not None:
        check_photo(session, cared)
        if photo.kind != "image":
            raise Refused("no_media")
    news = HomeNews(cared_id=cared.id, month=_month(now), text=said, written_by_id=who.person_id, at=now)
    try:
        with session.begin_nested():
            session.add(news)
    except IntegrityError as error:
        standing = _of_month(session, cared.id, now)
        if standing is None or _told(session, standing):
            raise Refused("news_this_month", cared=cared.name) from error
        news = standing
        news.text, news.written_by_id, news.at = said, who.person_id, now
    if photo is not None:
        attach(session, news.subject, who.app_id, photo, now)
    _tell(session, news, cared, readers, now)
    return news


def _month(now: datetime) -> str:
    return f"{now.astimezone(CHINA):%Y-%m}"


def _of_month(session: Session, cared_id: int, now: datetime) -> HomeNews | None:
    """What was written about a person this month, held: of two who write anew the second finds the first's."""
    query = select(HomeNews).where(HomeNews.cared_id == cared_id, HomeNews.month == _month(now)).with_for_update()
    return session.scalar(query, execution_options={"populate_existing": True})


def _readers(session: Session, cared_id: int, writer_id: int) -> list[int]:
    return [person.id for _, person in links_to(session, cared_id) if person.id != writer_id]


def _told(session: Session, news: HomeNews) -> set[int]:
    """Who has heard of some news or will, from a letter or, where that did not arrive, from a cadre."""
    brings_nothing = or_(Letter.state == "withdrawn", and_(Letter.state.in_(("dead", "missed")), Letter.unwanted))
    return set(session.scalars(select(Letter.person_id).where(Letter.subject == news.subject, ~brings_nothing)))


def _tell(session: Session, news: HomeNews, cared: Person, readers: Iterable[int], now: datetime) -> None:
    """These hear that there is something to read."""
    centre = centre_of(session, cared)
    facts = {"news": news.id, "cared": cared.name, "at": now.isoformat(),
             "phone": phone_of(session, centre) if centre else ""}  # fmt: skip
    for reader in readers:
        again = _again(session, news.subject, reader)
        post(session, key=f"{news.subject}/{reader}{again}", person_id=reader, kind=LETTER, facts=facts,
             subject=news.subject, now=now, about_id=cared.id)  # fmt: skip


def _again(session: Session, subject: str, reader: int) -> str:
    """What tells the key of another letter about this to somebody from that of the first, which was taken back."""
    query = select(func.count()).where(Letter.subject == subject, Letter.person_id == reader)
    before = session.scalar(query) or 0
    return f":{before + 1}" if before else ""


def tell_again(session: Session, person_id: int, now: datetime) -> None:
    """The person agrees again: what was taken back this month before somebody heard of it is said to them."""
    news, cared = _of_month(session, person_id, now), session.get_one(Person, person_id)
    if news is None or not news.text or cared.state != "active" or not consents_to(session, person_id, KIND):
        return
    written = session.scalars(select(Letter.person_id).where(Letter.subject == news.subject))
    waited = set(written) - _told(session, news)
    _tell(session, news, cared, [one for one in _readers(session, cared.id, news.written_by_id) if one in waited], now)


def check_photo(session: Session, cared: Person) -> None:
    """Raises Refused("photo_consent", cared=…) where the resident has not agreed to be shown, or does not any more."""
    if not consents_to(session, cared.id, PHOTOS):
        raise Refused("photo_consent", cared=cared.name)


def photo_of(session: Session, news: HomeNews) -> Media | None:
    """The photo of some news, on its way or there, as long as the person agrees to be shown."""
    found = [
        one for one in media_of(session, news.subject) if one.state in ("waiting", "kept") and _shows(one, news)
    ]  # fmt: skip
    return found[-1] if found and consents_to(session, news.cared_id, PHOTOS) else None


def photo_for(session: Session, who: Who, news_id: int, media_id: int) -> Media:
    """The same, there to be sent, for who may read the news; raises Refused("not_yours") for everybody else."""
    news = news_for(session, who, news_id)
    found = one_of(session, news.subject, media_id)
    if not consents_to(session, news.cared_id, PHOTOS) or not _shows(found, news):
        raise Refused("not_yours")
    return found


def _shows(photo: Media, news: HomeNews) -> bool:
    """Whether a photo belongs to what is written now, and not to what made way for it."""
    return photo.created_at >= news.at


def send_photo(session: Session, who: Who, news: HomeNews, page: str, now: datetime) -> bool:
    """Who reads now, and so has the window open, is sent the photo into it, once; `page` is said where it cannot be.
    What was taken back, or did not go, is no time.

    Answers whether it is on its way to them now.
    """
    photo = photo_of(session, news)
    if photo is None or photo.state != "kept":
        return False
    subject = MEDIA.subject(photo)
    goes = select(Letter.id).where(
        Letter.subject == subject, Letter.person_id == who.person_id, Letter.state.not_in(BROUGHT_NOTHING)
    )  # fmt: skip
    if session.scalar(goes.limit(1)) is not None:
        return False
    key = f"{news.subject}/{who.person_id}/photo/{photo.id}{_again(session, subject, who.person_id)}"
    cared = session.get_one(Person, news.cared_id)
    post(
        session, key=key, person_id=who.person_id, kind=PHOTO_LETTER,
        facts={"cared": cared.name, "file": photo.file, "page": page}, subject=subject, now=now,
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
