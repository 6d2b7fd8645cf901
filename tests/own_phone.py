"""An elder or child who follows the account on a phone of their own."""

from sqlalchemy.orm import Session

from models.people.identities import Identity, Who
from models.people.persons import Person
from tests.cast import APP_ID
from tests.world import NOW


def with_a_phone(session: Session, person: Person, app_id: str = APP_ID, kind: str = "official_account") -> Who:
    """This person, reached from now on, as the one who asks; their openid is made as the cast's are."""
    found = session.get_one(Person, person.id)
    identity = Identity(app_id=app_id, openid=f"o-{found.id}", person_id=found.id, kind=kind, since=NOW)
    session.add(identity)
    session.flush()
    return Who(found.id, identity.id, found.name, found.time_zone, app_id, identity.openid)
