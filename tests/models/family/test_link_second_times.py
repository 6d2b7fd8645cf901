"""What is between two people ends, waits or comes back a second time: nobody hears what is not so, nothing is lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.people.befalling import mark
from models.errors import Refused
from models.family.news import photo_for, photo_of, send_photo, write
from models.family.parting import agree, part, take_back
from models.messages.letters import Letter
from models.messages.media import Attached, Kept, media_of, settle_media
from models.people import consent
from models.people.care import CareLink
from models.tasks import linking
from models.tasks.undelivered import hand_over
from tests.models.family.test_after import with_photo
from tests.models.family.test_parting import link_of
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def planned(session, kind, person=None):
    query = select(Letter).where(Letter.kind == kind, Letter.state == "planned").order_by(Letter.id)
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    return [one for one in found if person is None or one.person_id == person.id]


def phoned(session, letter, now=NOW):
    """The task of a cadre to say what a letter could not."""
    letter.state = "dead"
    session.flush()
    return hand_over(session, letter, now)


def asked(session, cast):
    """阿明 has asked for a link to 王奶奶 that nobody has answered yet."""
    link = CareLink(relative_id=cast.aming.id, cared_id=cast.wangnainai.id, kinship="邻居", asked_at=NOW)
    session.add(link)
    session.flush()
    return link


def confirmed(session, cast):
    """The same, and a cadre has confirmed it; 阿明 has not heard of that yet."""
    link = asked(session, cast)
    linking.answer(session, cast.who(cast.li), link.id, "confirm", NOW)
    return link


# In hospital.


def test_a_link_confirmed_before_a_stay_in_hospital_is_told(session, cast):
    confirmed(session, cast)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW + MINUTE)
    assert len(planned(session, "people.link_confirmed", cast.aming)) == 1


def test_the_end_of_a_link_before_a_stay_in_hospital_is_told(session, cast):
    part(session, cast.who(cast.li), link_of(session, cast).id, NOW)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "pause", NOW + MINUTE)
    assert len(planned(session, "people.link_revoked", cast.xiaofang)) == 1


def test_of_a_link_to_who_has_died_nobody_hears_any_more(session, cast):
    confirmed(session, cast)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "die", NOW + MINUTE)
    assert planned(session, "people.link_confirmed", cast.aming) == []


# News from home.


def news(session, cast, text="好", now=NOW, photo=None):
    return write(session, cast.who(cast.li), cast.wangnainai.id, text, now, photo)


def agreed(session, cast, *kinds):
    for kind in kinds or ("home_news",):
        agree(session, cast.who(cast.li), cast.wangnainai.id, kind, NOW)


def taken_back(session, cast, kind="home_news", now=NOW + MINUTE):
    take_back(session, cast.who(cast.li), cast.wangnainai.id, kind, now)


def test_consent_given_again_says_the_news_that_waited(session, cast):
    agreed(session, cast)
    news(session, cast)
    taken_back(session, cast)
    assert planned(session, "family.news") == []
    agreed(session, cast)
    assert len(planned(session, "family.news", cast.xiaofang)) == 1
    with pytest.raises(Refused, match="news_this_month"):
        news(session, cast, now=NOW + 3 * MINUTE)
    agreed(session, cast)
    assert len(planned(session, "family.news")) == 1


def test_consent_given_again_says_nothing_to_who_has_heard_or_was_linked_since(session, cast):
    agreed(session, cast)
    news(session, cast)
    planned(session, "family.news")[0].state = "delivered"
    confirmed(session, cast)
    taken_back(session, cast)
    agreed(session, cast)
    assert planned(session, "family.news") == []


def test_news_of_last_month_are_not_said_when_the_consent_is_given_again(session, cast):
    agreed(session, cast)
    news(session, cast)
    taken_back(session, cast)
    agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW + 31 * DAY)
    assert planned(session, "family.news") == []


def test_what_nobody_has_heard_makes_way_for_what_is_written_anew(session, cast):
    agreed(session, cast, "home_news", "photos")
    first = news(session, cast, photo=Attached("image", "media-1"))
    (old,) = media_of(session, first.subject)
    taken_back(session, cast)
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW + 2 * MINUTE)
    again = news(session, cast, "更好", NOW + 3 * MINUTE)
    assert (again.id, again.text) == (first.id, "更好")
    assert len(planned(session, "family.news", cast.xiaofang)) == 1
    settle_media(session, old.id, Kept("jpg", 7), NOW + 4 * MINUTE)
    assert photo_of(session, again) is None
    with pytest.raises(Refused, match="not_yours"):
        photo_for(session, cast.who(cast.xiaofang), again.id, old.id)
    with pytest.raises(Refused, match="news_this_month"):
        news(session, cast, "又一封", NOW + 5 * MINUTE)


def test_news_that_a_cadre_was_to_phone_are_said_again_too(session, cast):
    agreed(session, cast)
    news(session, cast)
    task = phoned(session, planned(session, "family.news")[0])
    taken_back(session, cast)
    assert task.state == "cancelled"
    agreed(session, cast)
    assert len(planned(session, "family.news", cast.xiaofang)) == 1


def test_a_photo_is_sent_once_more_when_the_consent_is_given_again(session, cast):
    found, _ = with_photo(session, cast)
    me = cast.who(cast.xiaofang)
    assert send_photo(session, me, found, "p", NOW)
    taken_back(session, cast, "photos")
    assert planned(session, "family.photo") == []
    agreed(session, cast, "photos")
    assert [send_photo(session, me, found, "p", NOW + 3 * MINUTE) for _ in range(2)] == [True, False]
    assert len(planned(session, "family.photo")) == 1
