"""Who may act for a person and to what that person agreed: for oneself, and for cadres about their residents."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from handlers.menu import FIRST
from handlers.people import words
from handlers.people.befalling import mark
from handlers.room import Ask, Choice, Handler, Reply
from handlers.words import when
from models.errors import Refused
from models.family.parting import agree, take_back
from models.people.care import links_to
from models.people.consent import CONSENT_KINDS, Consent, consents_of
from models.people.lives import PERSON
from models.people.mobility import write_homebound
from models.people.persons import Person
from models.people.scope import resident_of, residents_named
from models.people.staff import is_cadre
from models.tasks import linking


def my_helpers(ask: Ask) -> Reply:
    """Who may act for you and to what you agreed, each of which you may end."""
    return _whole(ask, ask.session.get_one(Person, ask.who.person_id), "me/consent", "me")


def my_yes(ask: Ask, kind: int) -> Reply:
    """You agree."""
    agree(ask.session, ask.who, ask.who.person_id, _kind(kind), ask.now)
    return Reply(words.AGREED, (Choice("查看", "me/helpers"),))


def my_no(ask: Ask, kind: int) -> Reply:
    """You agree no more."""
    take_back(ask.session, ask.who, ask.who.person_id, _kind(kind), ask.now)
    return Reply(words.TAKEN_BACK, (Choice("查看", "me/helpers"),))


def start_invitation(ask: Ask) -> Reply:
    """A cadre makes a code for a resident: asks for whom."""
    return _ask_whom(ask, words.ASK_RESIDENT, "staff/invite")


def start_look(ask: Ask) -> Reply:
    """A cadre looks at a resident: asks at whom."""
    return _ask_whom(ask, words.ASK_WHOM, "staff/resident")


def _ask_whom(ask: Ask, question: str, address: str) -> Reply:
    if not is_cadre(ask.session, ask.who.person_id):
        return Reply(words.NO_STAFF, FIRST)
    return Reply(question, ask_for=f"{address}/name", back="menu")


def find_for_invitation(ask: Ask) -> Reply:
    """Finds whom to invite for by name, below the cadre's own areas only."""
    return _found(ask, words.ASK_RESIDENT, "staff/invite")


def find_to_look(ask: Ask) -> Reply:
    """Finds whom to look at by name, below the cadre's own areas only."""
    return _found(ask, words.ASK_WHOM, "staff/resident")


def _found(ask: Ask, question: str, address: str) -> Reply:
    found = residents_named(ask.session, ask.who.person_id, ask.text)
    if not found:
        return Reply(words.NO_RESIDENT, ask_for=f"{address}/name", back="menu")
    choices = tuple(Choice(f"{person.name}（{area.name}）", f"{address}/{person.id}") for person, area in found)
    return Reply(question, choices, back="menu")


def make_invitation(ask: Ask, person: int) -> Reply:
    """Makes the code."""
    made = linking.invite(ask.session, ask.who, person, ask.now)
    return Reply(words.invitation(ask.session.get_one(Person, person).name, made.code), FIRST)


def resident(ask: Ask, person: int) -> Reply:
    """A resident as their cadre sees them: who may act for them, to what they agreed, what can be changed."""
    found = resident_of(ask.session, ask.who.person_id, person)
    order = Choice(words.ORDER_FOR.format(name=found.name), f"order/for/{person}")
    first = [*([order] if found.state == "active" else []), Choice("开亲情码", f"staff/invite/{person}")]
    verbs = [name for name, verb in PERSON.by_name.items() if found.state in verb.sources]
    befalls = [Choice(words.BEFALLS[verb], f"staff/resident/{person}/befall/{verb}") for verb in verbs]
    company = Choice("陪伴", f"company/{person}")
    trust = Choice("家人有效期、监护人", f"trust/of/{person}")
    moves = Choice(words.WRITE_MOBILE, f"staff/resident/{person}/homebound/no") if found.homebound else Choice(
        words.WRITE_HOMEBOUND, f"staff/resident/{person}/homebound/yes"
    )  # fmt: skip
    shown = _whole(ask, found, f"staff/resident/{person}", "staff/resident", *first, company, trust, *befalls)
    return replace(shown, choices=(*shown.choices, moves))


def ask_befall(ask: Ask, person: int, verb: str) -> Reply:
    """Asks once more: what was to come for this person stops at once."""
    name = resident_of(ask.session, ask.who.person_id, person).name
    if verb not in PERSON.by_name:
        raise Refused("wrong_state")
    sure = (Choice("确认", f"staff/resident/{person}/befall/{verb}/yes"),)
    return Reply(words.ask_befall(verb, name), sure, back=f"staff/resident/{person}")


def befallen(ask: Ask, person: int, verb: str) -> Reply:
    """It is written down."""
    if verb not in PERSON.by_name:
        raise Refused("wrong_state")
    mark(ask.session, ask.who, person, verb, ask.now)
    return Reply(words.BEFALLEN, (Choice("我的任务", "task"),))


def homebound(ask: Ask, person: int, answer: str) -> Reply:
    """Whether a resident cannot come to the centre is written down."""
    found = write_homebound(ask.session, ask.who, person, answer == "yes", ask.now)
    said = words.HOMEBOUND if found.homebound else words.MOBILE
    return Reply(said.format(name=found.name), (Choice("查看", f"staff/resident/{person}"),))


def resident_yes(ask: Ask, person: int, kind: int) -> Reply:
    """A resident has said that they agree, and the cadre heard it."""
    agree(ask.session, ask.who, person, _kind(kind), ask.now)
    return Reply(words.AGREED, (Choice("查看", f"staff/resident/{person}"),))


def resident_no(ask: Ask, person: int, kind: int) -> Reply:
    """A resident has said that they agree no more."""
    take_back(ask.session, ask.who, person, _kind(kind), ask.now)
    return Reply(words.TAKEN_BACK, (Choice("查看", f"staff/resident/{person}"),))


def _whole(ask: Ask, person: Person, consent: str, back: str, *more: Choice) -> Reply:
    """Who is linked to a person and what the person agreed to; `consent` begins the addresses that change one."""
    linked, standing = links_to(ask.session, person.id), consents_of(ask.session, person.id)
    ends = tuple(Choice(f"解除：{relative.name}", f"link/{link.id}/revoke") for link, relative in linked)
    changes = tuple(
        Choice(f"{'撤回' if standing[kind] else '同意'}：{words.CONSENTS[kind]}",
               f"{consent}/{number}/{'no' if standing[kind] else 'yes'}")
        for number, kind in enumerate(CONSENT_KINDS)
    )  # fmt: skip
    text = words.helpers(
        [f"· {relative.name}（{link.kinship}）" for link, relative in linked],
        [_consent(ask, kind, given) for kind, given in standing.items()],
    )
    return Reply(text, (*more, *changes, *ends), back=back)


def _consent(ask: Ask, kind: str, given: Consent | None) -> str:
    if given is None:
        return words.consent_line(kind, "", "")
    witness = ask.session.get_one(Person, given.witness_id).name if given.witness_id else ""
    return words.consent_line(kind, when(given.given_at, ZoneInfo(ask.who.zone)), witness)


def _kind(number: int) -> str:
    if number >= len(CONSENT_KINDS):
        raise Refused("wrong_state")
    return CONSENT_KINDS[number]


ADDRESSES: dict[str, Handler] = {
    "me/helpers": my_helpers,
    "me/consent/<int:kind>/yes": my_yes,
    "me/consent/<int:kind>/no": my_no,
    "staff/invite": start_invitation,
    "staff/invite/name": find_for_invitation,
    "staff/invite/<int:person>": make_invitation,
    "staff/resident": start_look,
    "staff/resident/name": find_to_look,
    "staff/resident/<int:person>": resident,
    "staff/resident/<int:person>/<int:kind>/yes": resident_yes,
    "staff/resident/<int:person>/<int:kind>/no": resident_no,
    "staff/resident/<int:person>/homebound/<answer>": homebound,
    "staff/resident/<int:person>/befall/<verb>": ask_befall,
    "staff/resident/<int:person>/befall/<verb>/yes": befallen,
}

KEYWORDS = {
    "开亲情码": "staff/invite",
    "邀请家人": "staff/invite",
    "居民": "staff/resident",
    "查看居民": "staff/resident",
}
