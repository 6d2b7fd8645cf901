"""What is between two people ends, waits or comes back a second time: nobody hears what is not so, nothing is lost."""

from datetime import timedelta

from sqlalchemy import select

from handlers.people.befalling import mark
from models.family.parting import part
from models.messages.letters import Letter
from models.people.care import CareLink
from models.tasks import linking
from tests.models.family.test_parting import link_of
from tests.world import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def planned(session, kind, person=None):
    query = select(Letter).where(Letter.kind == kind, Letter.state == "planned").order_by(Letter.id)
    found = session.scalars(query, execution_options={"populate_existing": True}).all()
    return [one for one in found if person is None or one.person_id == person.id]


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
