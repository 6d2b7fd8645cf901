"""Sections of people: organisations, persons, staff, WeChat identities, care links, consents, contact plans.

What people have decided since (a link revoked, an account left, a city moved to, a consent taken back) stands.
"""

from sqlalchemy import select

from models.errors import Refused
from models.hours import zone_named
from models.life import By
from models.people.care import CARE, CareLink
from models.people.consent import CONSENT_KINDS, CONSENT_MEANS, Consent
from models.people.contacts import MEANS, ContactStep
from models.people.identities import Identity
from models.people.joining import join
from models.people.persons import HARDSHIPS, Person
from models.people.staff import CADRE_ROLES, ORGANISATION_KINDS, ROLES, Organisation, StaffRole
from models.places.areas import Area
from wx_backend.load.loading import Loading, check_lengths
from wx_backend.load.rows import BadRow, RowIn


def organisations(load: Loading, row: RowIn) -> None:
    """An organisation, and the area that it serves."""
    load.put(
        Organisation, {"code": row("code")}, name=row("name"), kind=row.one_of("kind", ORGANISATION_KINDS),
        area_id=load.find(Area, row("area"), "area").id, phone=row.phone("phone"),
    )  # fmt: skip


def persons(load: Loading, row: RowIn) -> None:
    """A person. Afterwards the zone is theirs to change, and whether they can come to the centre their cadre's."""
    area = load.find(Area, row("area"), "area").id if row("area", "") else None
    try:
        zone = zone_named(row("time_zone", "Asia/Shanghai")).key
    except Refused as refusal:
        raise BadRow(f"time_zone: “{row('time_zone')}”不是时区名，例如 Europe/Madrid") from refusal
    load.put(
        Person, {"code": row("code")}, first={"time_zone": zone, "homebound": row.yes("homebound", "no")},
        name=row("name"), area_id=area,
        phone=row.phone("phone"), left_behind=row.one_of("left_behind", ("", "elder", "child"), ""),
        away=row.yes("away", "no"), born=row.day_or_none("born"), household=row("household", ""),
        hardship=row.one_of("hardship", ("", *HARDSHIPS), ""), created_at=load.now,
    )  # fmt: skip


def staff(load: Loading, row: RowIn) -> None:
    """A role over an area or in an organisation; one that was ended is a fault until somebody begins it again."""
    area = load.find(Area, row("area"), "area").id if row("area", "") else None
    organisation = load.find(Organisation, row("organisation"), "organisation").id if row("organisation", "") else None
    if (area is None) == (organisation is None):
        raise BadRow("area / organisation: 两个里面填一个")
    person, role = load.find(Person, row("person"), "person"), row.one_of("role", ROLES)
    if (role in CADRE_ROLES) != (area is not None):
        raise BadRow(f"role: {role}要填{'area' if role in CADRE_ROLES else 'organisation'}，不填另一个")
    keys = {"person_id": person.id, "role": role, "area_id": area, "organisation_id": organisation}
    held = load.session.scalars(select(StaffRole).filter_by(**keys)).all()
    if held and all(one.ended_at for one in held):
        place = row("area", "") or row("organisation")
        raise BadRow(
            f"role: {person.name}的这个岗位已停用。要恢复，请运行 wx-backend staff begin {person.code} --role {role} "
            f"--place {place}；不恢复，请从文件里去掉这一行"
        )
    if not held:
        load.put(StaffRole, keys, since=load.now)


def identities(load: Loading, row: RowIn) -> None:
    """Who an openid is; whether that account is followed is WeChat's to say afterwards.

    Whoever has spoken to us from it already is this person, with all that they have done, where they are called so or
    not at all; a fault where they are somebody else. What the file itself said wrongly before it may put right.
    """
    person = load.find(Person, row("person"), "person")
    keys = {"app_id": row("app_id", load.app_id), "openid": row("openid")}
    known = load.session.scalar(select(Identity).filter_by(**keys))
    if known is not None and known.person_id != person.id and "person" not in load.absent:
        _is_this_person(load, load.session.get_one(Person, known.person_id), person)
    load.put(
        Identity, keys,
        first={"following": row.yes("following", "yes")}, person_id=person.id, since=load.now,
    )  # fmt: skip


def _is_this_person(load: Loading, before: Person, person: Person) -> None:
    """Whose an openid was until now turns out to be this person, or had been written down wrongly."""
    if before.code is not None:
        if not load.before.has_said("person", before.code):
            raise BadRow(f"openid: 这个微信已经是{before.name}（{before.code}）的，请先核对")
        return
    linked = select(CareLink.id).where(
        CareLink.relative_id.in_((before.id, person.id)), CareLink.cared_id.in_((before.id, person.id))
    )
    if before.name not in ("", person.name) or load.session.scalar(linked.limit(1)) is not None:
        raise BadRow(f"openid: 用这个微信的人自称“{before.name}”，不像是{person.name}（{person.code}），请先核对")
    join(load.session, before, person)


def links(load: Loading, row: RowIn) -> None:
    """A care link that a cadre has confirmed on paper; what has been decided about this pair already stands."""
    relative, cared = load.find(Person, row("relative"), "relative"), load.find(Person, row("cared"), "cared")
    cadre, kinship = load.find(Person, row("confirmed_by"), "confirmed_by"), row("kinship")
    check_lengths(CareLink, {"kinship": kinship})
    pair = select(CareLink).where(CareLink.relative_id == relative.id, CareLink.cared_id == cared.id)
    known = load.session.scalars(pair).all()
    for link in known:
        if link.state not in CARE.ends:
            link.kinship = load.over(link, {"kinship": kinship})["kinship"]
    if known:
        return
    link = CareLink(relative_id=relative.id, cared_id=cared.id, kinship=kinship, asked_at=load.now)
    load.session.add(link)
    CARE.begin(load.session, link, by=By(relative.id, "relative"), now=load.now)
    CARE.move(
        load.session, link, "confirm", by=By(cadre.id, "cadre"), now=load.now, settled_by_id=cadre.id,
        settled_at=load.now,
    )  # fmt: skip
    load.count(CareLink)


def consents(load: Loading, row: RowIn) -> None:
    """A consent that was given on paper or by word; where one is written down already that stands, and so does what was
    taken back: it is the record of what was agreed to, when and how."""
    person = load.find(Person, row("person"), "person")
    witness = load.find(Person, row("witness"), "witness").id if row("witness", "") else None
    means = row.one_of("means", CONSENT_MEANS)
    if means == "spoken" and witness is None:
        raise BadRow("witness: 口头同意要有见证人")
    keys = {"person_id": person.id, "kind": row.one_of("kind", CONSENT_KINDS)}
    if load.session.scalar(select(Consent.id).filter_by(**keys).limit(1)):
        return
    load.put(
        Consent, keys, text_version=row("text_version"), means=means, given_by_id=person.id, given_at=load.now,
        witness_id=witness,
    )  # fmt: skip


def contacts(load: Loading, row: RowIn) -> None:
    """A step of a contact plan; the plan of a person that the file speaks of is all in the file."""
    person = load.find(Person, row("person"), "person")
    step, _ = load.put(
        ContactStep, {"person_id": person.id, "position": row.number("position")}, means=row.one_of("means", MEANS),
        through_id=load.find(Person, row("through"), "through").id, phone=row.phone("phone"), note=row("note", ""),
    )  # fmt: skip
    load.keep(ContactStep, "person_id", person.id, step.id)
