"""What the tests of needs and calls for help share: people say something, clerks are there to hear it."""

from itertools import count

from models.ordering import helping, needs
from models.ordering.said import Words
from models.people.identities import Identity, Who
from models.people.persons import Person
from models.people.staff import StaffRole
from tests.cast import APP_ID
from tests.world import NOW

_keys = count()


def says(session, who, text="村里想要一个老年食堂", person=None, **more):
    """`who` says that there should be something; answers the need."""
    return needs.submit(session, who, words(who, text, person, **more), NOW)


def calls(session, who, text="想请人陪老人去医院配药", person=None, **more):
    """`who` calls for help; answers the call."""
    return helping.ask_for_help(session, who, words(who, text, person, **more), NOW)


def words(who, text, person=None, **more):
    told = {"person_id": person.id if person is not None else who.person_id, "client_key": f"k{next(_keys)}", **more}
    return Words(text, **told)


def joins(session, name, area, role="township_clerk"):
    """Somebody of the staff who follows the account."""
    person = Person(name=name, area_id=area.id, created_at=NOW)
    session.add(person)
    session.flush()
    session.add(StaffRole(person_id=person.id, role=role, area_id=area.id, since=NOW))
    return follower(session, person)


def lives(session, name, area, **more):
    """A resident who follows the account."""
    person = Person(name=name, area_id=area.id, created_at=NOW, **more)
    session.add(person)
    session.flush()
    return follower(session, person)


def follower(session, person):
    identity = Identity(app_id=APP_ID, openid=f"o-{person.id}", person_id=person.id, since=NOW)
    session.add(identity)
    session.flush()
    return Who(person.id, identity.id, person.name, person.time_zone, APP_ID, identity.openid)
