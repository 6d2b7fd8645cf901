"""Until when a relative's link holds, and who is a child's guardian and agreed: for cadres, and for guardians."""

from datetime import timedelta

from handlers.menu import FIRST
from handlers.people import words
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.parting import entrust, guardian_takes_back
from models.people import guardians
from models.people.care import CareLink, links_of, links_to
from models.people.scope import resident_of
from models.tasks import linking

DAYS = {3: 91, 6: 183, 12: 365, 0: 0}  # months said → days; 0: until it is revoked
MEANS = ("signature", "spoken")


def trusted(ask: Ask, person: int) -> Reply:
    """A resident's relatives as their cadre may change them: until when, who is guardian, who agreed."""
    found = resident_of(ask.session, ask.who.person_id, person)
    agreed = {one.given_by_id for one in guardians.agreements(ask.session, person)}
    choices, lines = list[Choice](), list[str]()
    for link, relative in links_to(ask.session, person):
        lines.append(words.trusted_line(relative.name, link.kinship, link.expires_at, ask.who.zone))
        choices.append(Choice(words.HOW_LONG.format(name=relative.name), f"trust/{link.id}/until"))
        if not guardians.is_child(found, ask.now):
            continue
        mark = words.GUARDIAN_OFF if link.guardian else words.GUARDIAN_ON
        choices.append(Choice(mark.format(name=relative.name), f"trust/{link.id}/guardian/{int(not link.guardian)}"))
        if link.guardian and relative.id in agreed:
            choices.append(Choice(words.GUARDIAN_NO.format(name=relative.name), f"trust/{link.id}/no"))
        elif link.guardian:
            choices += [
                Choice(words.GUARDIAN_YES[means].format(name=relative.name), f"trust/{link.id}/yes/{number}")
                for number, means in enumerate(MEANS)
            ]
    return Reply("\n".join(lines) or words.NO_HELPERS, tuple(choices), back=f"staff/resident/{person}")


def ask_until(ask: Ask, link: int) -> Reply:
    """Asks how long a link shall hold from now on."""
    found = _seen(ask, link)
    choices = tuple(Choice(words.SPANS[months], f"trust/{link}/until/{months}") for months in DAYS)
    return Reply(words.ASK_UNTIL, choices, back=f"trust/of/{found.cared_id}")


def until(ask: Ask, link: int, months: int) -> Reply:
    """It holds so long; saying it anew renews it."""
    if months not in DAYS:
        raise Refused("wrong_state")
    ends = ask.now + timedelta(days=DAYS[months]) if months else None
    found = linking.limit(ask.session, ask.who, link, ends, ask.now)
    return Reply(words.LIMITED, (Choice("查看", f"trust/of/{found.cared_id}"),))


def guardian(ask: Ask, link: int, yes: int) -> Reply:
    """A cadre, who has seen the papers, says whether this relative is the child's guardian."""
    found = entrust(ask.session, ask.who, link, ask.now, guardian=yes == 1)
    return Reply(words.ENTRUSTED if yes == 1 else words.NOT_ENTRUSTED, (Choice("查看", f"trust/of/{found.cared_id}"),))


def signed(ask: Ask, link: int, means: int) -> Reply:
    """A guardian signed, or said before the cadre, that they agree."""
    if means >= len(MEANS):
        raise Refused("wrong_state")
    found = _seen(ask, link)
    guardians.agree(ask.session, ask.who, found.cared_id, found.relative_id, MEANS[means], ask.now)
    return Reply(words.GUARDIAN_AGREED, (Choice("查看", f"trust/of/{found.cared_id}"),))


def withdrawn(ask: Ask, link: int) -> Reply:
    """A guardian told the cadre that they agree no more: the calls to come are off."""
    found = _seen(ask, link)
    guardian_takes_back(ask.session, ask.who, found.cared_id, found.relative_id, ask.now)
    return Reply(words.GUARDIAN_STOPPED, (Choice("查看", f"trust/of/{found.cared_id}"),))


def my_children(ask: Ask) -> Reply:
    """The children whose guardian you are, and your word for each."""
    choices = list[Choice]()
    for link, child in links_of(ask.session, ask.who.person_id):
        if link.guardian and guardians.is_child(child, ask.now):
            given = any(one.given_by_id == link.relative_id for one in guardians.agreements(ask.session, child.id))
            label = words.MY_NO if given else words.MY_YES
            choices.append(Choice(label.format(name=child.name), f"child/{child.id}/{'no' if given else 'yes'}"))
    return Reply(words.MY_CHILDREN if choices else words.NO_CHILDREN, tuple(choices) or FIRST, back="me")


def my_yes(ask: Ask, person: int) -> Reply:
    """A guardian agrees in WeChat."""
    guardians.agree(ask.session, ask.who, person, ask.who.person_id, "wechat", ask.now)
    return Reply(words.GUARDIAN_AGREED, FIRST)


def my_no(ask: Ask, person: int) -> Reply:
    """A guardian takes it back: the calls to come are off."""
    guardian_takes_back(ask.session, ask.who, person, ask.who.person_id, ask.now)
    return Reply(words.GUARDIAN_STOPPED, FIRST)


def _seen(ask: Ask, link: int) -> CareLink:
    """A link of a resident of this cadre's; raises Refused("not_yours") for anybody else."""
    found = ask.session.get(CareLink, link)
    if found is None:
        raise Refused("not_yours")
    resident_of(ask.session, ask.who.person_id, found.cared_id)
    return found


ADDRESSES: dict[str, Handler] = {
    "trust/of/<int:person>": trusted,
    "trust/<int:link>/until": ask_until,
    "trust/<int:link>/until/<int:months>": until,
    "trust/<int:link>/guardian/<int:yes>": guardian,
    "trust/<int:link>/yes/<int:means>": signed,
    "trust/<int:link>/no": withdrawn,
    "child": my_children,
    "child/<int:person>/yes": my_yes,
    "child/<int:person>/no": my_no,
}
