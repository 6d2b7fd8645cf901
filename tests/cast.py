"""The standing cast: the same people in every test, so that a name says who may do what.

王奶奶 lives in Geshan and has no phone. 小芳, her daughter in Madrid, may act for her; 阿明, a cousin, may not.
李站长 is the cadre of Geshan, 陈干事 the clerk of the township above. 老徐 and 阿妈 answer for one organisation,
小红 for another. 赵站长 serves a village of another township and must never see any of this.
"""

from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy.orm import Session

from models.ordering.listings import Listing, ListingProvider, terms_in
from models.ordering.versions import ListingVersion
from models.people.care import CareLink
from models.people.contacts import ContactStep
from models.people.identities import Identity, Who
from models.people.persons import Person
from models.people.staff import Organisation, StaffRole
from models.places.areas import Area, add_area
from models.places.centres import OpeningHours, Room, ServiceCentre, Station, Zone

APP_ID = "wx-test-account"


@dataclass
class Cast:
    """Everybody and every place, by name."""

    county: Area
    township: Area
    village: Area
    grid: Area
    other_township: Area
    other_village: Area
    centre: ServiceCentre
    other_centre: ServiceCentre
    stations: list[Station]
    wangnainai: Person
    grandpa: Person
    xiaofang: Person
    aming: Person
    li: Person
    chen: Person
    zhao: Person
    laoxu: Person
    ama: Person
    xiaohong: Person
    helpers_club: Organisation
    second_club: Organisation
    meal: Listing
    haircut: Listing
    identities: dict[int, Identity]

    def who(self, person: Person) -> Who:
        """This person as the one who asks."""
        identity = self.identities[person.id]
        return Who(person.id, identity.id, person.name, person.time_zone, identity.app_id, identity.openid)


def _centre(session: Session, code: str, name: str, area: Area, stations: int) -> tuple[ServiceCentre, list[Station]]:
    centre = ServiceCentre(code=code, name=name, area_id=area.id, address="葛山村1号", phone="0578-5550101")
    session.add(centre)
    session.flush()
    for weekday in range(1, 8):
        session.add(
            OpeningHours(centre_id=centre.id, weekday=weekday, opens=time(8, 30), closes=time(17, 0), on_holidays=False)
        )
    zone = Zone(centre_id=centre.id, kind="leisure_social")
    session.add(zone)
    session.flush()
    room = Room(zone_id=zone.id, name="连线室")
    session.add(room)
    session.flush()
    seats = [Station(room_id=room.id, name=f"{n}号机", kind="video_call") for n in range(1, stations + 1)]
    session.add_all(seats)
    session.flush()
    return centre, seats


def _staff(session: Session, person: Person, role: str, now: datetime, *, area: Area | None = None,
           organisation: Organisation | None = None) -> None:  # fmt: skip
    session.add(
        StaffRole(
            person_id=person.id,
            role=role,
            since=now,
            area_id=area.id if area else None,
            organisation_id=organisation.id if organisation else None,
        )
    )


def _listing(session: Session, centre: ServiceCentre, code: str, title: str, category: str, questions: list[object],
             now: datetime, *providers: Organisation) -> Listing:  # fmt: skip
    listing = Listing(
        code=code, centre_id=centre.id, category=category, title=title, summary=f"{title}，免费", mode="at_home",
        questions=questions, state="published", created_at=now,
    )  # fmt: skip
    session.add(listing)
    session.flush()
    for position, organisation in enumerate(providers, start=1):
        session.add(ListingProvider(listing_id=listing.id, organisation_id=organisation.id, position=position))
    session.add(
        ListingVersion(listing_id=listing.id, number=1, state="in_force", created_at=now, in_force_from=now,
                       providers=[one.id for one in providers], **terms_in(listing))
    )  # fmt: skip
    session.flush()
    return listing


def settle(session: Session, now: datetime) -> Cast:
    """Settle the cast in an empty database; the caller commits."""
    county = add_area(session, code="331127", name="景宁县", kind="county")
    township = add_area(session, code="331127201", name="鸬鹚乡", kind="township", parent=county)
    village = add_area(session, code="331127201001", name="葛山村", kind="village", parent=township)
    grid = add_area(session, code="331127201001001", name="葛山一网格", kind="grid", parent=village)
    other_township = add_area(session, code="331127202", name="梅岐乡", kind="township", parent=county)
    other_village = add_area(session, code="331127202001", name="桂远村", kind="village", parent=other_township)

    def person(name: str, area: Area | None = None, **more: object) -> Person:
        made = Person(name=name, area_id=area.id if area else None, created_at=now, **more)
        session.add(made)
        session.flush()
        return made

    wangnainai = person("王秀英", village, left_behind="elder")
    grandpa = person("周大山", other_village, left_behind="elder", phone="13900000009")
    xiaofang = person("小芳", village, time_zone="Europe/Madrid", away=True)
    aming = person("阿明", village)
    li, chen, zhao = person("李站长", village), person("陈干事", township), person("赵站长", other_village)
    laoxu, ama, xiaohong = person("老徐"), person("阿妈"), person("小红")

    centre, stations = _centre(session, "C1", "葛山村党群服务中心", village, stations=2)
    other_centre, _ = _centre(session, "C2", "桂远村党群服务中心", other_village, stations=1)
    clubs = [
        Organisation(code="O1", name="老徐好帮手", kind="social_organisation", area_id=county.id, phone="0578-5550201"),
        Organisation(code="O2", name="乐都", kind="social_organisation", area_id=county.id, phone="0578-5550202"),
    ]
    session.add_all(clubs)
    session.flush()
    _staff(session, li, "station_cadre", now, area=village)
    _staff(session, chen, "township_clerk", now, area=township)
    _staff(session, zhao, "station_cadre", now, area=other_village)
    _staff(session, laoxu, "organisation_member", now, organisation=clubs[0])
    _staff(session, ama, "organisation_member", now, organisation=clubs[0])
    _staff(session, xiaohong, "organisation_member", now, organisation=clubs[1])

    session.add(CareLink(relative_id=xiaofang.id, cared_id=wangnainai.id, kinship="女儿", state="confirmed",
                         asked_at=now, settled_by_id=li.id, settled_at=now))  # fmt: skip
    session.add(ContactStep(person_id=wangnainai.id, position=1, means="visit", through_id=li.id))
    questions: list[object] = [
        {"code": "portions", "datatype": "number", "description": "要几份？", "required": True},
        {"code": "diet", "datatype": "singlevaluelist", "description": "口味有什么要求？", "required": True,
         "values": ["正常", "软烂", "少盐"]},
    ]  # fmt: skip
    meal = _listing(session, centre, "L1", "爱心送餐", "meal", questions, now, *clubs)
    haircut = _listing(session, centre, "L2", "上门理发", "cleaning", [], now, clubs[0])

    identities = {}
    for followed in (xiaofang, aming, li, chen, zhao, laoxu, ama, xiaohong):
        identity = Identity(app_id=APP_ID, openid=f"o-{followed.id}", person_id=followed.id, since=now)
        session.add(identity)
        identities[followed.id] = identity
    session.flush()
    return Cast(
        county, township, village, grid, other_township, other_village, centre, other_centre, stations, wangnainai,
        grandpa, xiaofang, aming, li, chen, zhao, laoxu, ama, xiaohong, clubs[0], clubs[1], meal, haircut, identities,
    )  # fmt: skip
