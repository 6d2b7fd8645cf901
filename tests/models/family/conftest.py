"""The hills around Geshan: two hamlets from which nobody comes to the centre, and the tablet that goes there."""

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from models.people.care import CareLink
from models.people.identities import Identity, Who
from models.people.mobility import write_homebound
from models.people.persons import Person
from models.places.areas import Area, add_area
from models.places.centres import Room, Station, Zone
from models.places.travel import put_travel
from tests.cast import APP_ID
from tests.world import NOW


@dataclass
class Hills:
    """王奶奶 in a hamlet forty minutes from the centre, 张爷爷 in another; one tablet goes along."""

    tablet: Station
    grandpa: Person
    son: Who


@pytest.fixture
def hills(session, cast):
    """Committed, so that races can be run against it."""
    village = session.get_one(Area, cast.village.id)
    hamlets = [add_area(session, code=f"H{n}", name=f"{name}自然村", kind="grid", parent=village)
               for n, name in enumerate(("山背", "岭头"))]  # fmt: skip
    put_travel(session, village, hamlets[0], 40)
    put_travel(session, village, hamlets[1], 30)
    put_travel(session, hamlets[0], hamlets[1], 20)
    wang = session.get_one(Person, cast.wangnainai.id)
    wang.area_id = hamlets[0].id
    grandpa = Person(name="张根土", area_id=hamlets[1].id, left_behind="elder", created_at=NOW, homebound=True)
    son = Person(name="张强", created_at=NOW, away=True)
    session.add_all([grandpa, son])
    session.flush()
    identity = Identity(app_id=APP_ID, openid="o-son", person_id=son.id, since=NOW)
    room = session.scalars(select(Room).join(Zone).where(Zone.centre_id == cast.centre.id)).one()
    tablet = Station(room_id=room.id, name="平板1号", kind="portable_call")
    session.add_all([
        identity, tablet,
        CareLink(relative_id=son.id, cared_id=grandpa.id, kinship="儿子", state="confirmed", asked_at=NOW),
    ])  # fmt: skip
    session.flush()
    write_homebound(session, cast.who(cast.li), wang.id, True, NOW)
    session.commit()
    return Hills(tablet, grandpa, Who(son.id, identity.id, son.name, "Asia/Shanghai", APP_ID, "o-son"))
