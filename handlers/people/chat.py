"""Following, one's own name and city, family links and consents, and the way to a person, in the official account."""

from handlers import words as shared
from handlers.menu import FIRST
from handlers.people import residents, trusting, words
from handlers.room import Ask, Choice, Handler, Reply
from models.errors import Refused
from models.family.parting import part
from models.messages.optouts import wants_none, wish
from models.ordering.proxies import ask_family
from models.people.care import links_of
from models.people.homes import centres_near
from models.people.identities import Identity, reach_again_by_account, unfollows
from models.people.links import KINSHIPS, invited_by
from models.people.persons import Person, call_oneself, move_to_zone
from models.people.staff import is_cadre
from models.reminding import person_moved_zone
from models.tasks import linking
from models.tasks.identifying import come_back


def follow(ask: Ask) -> Reply:
    """Somebody follows the account, for the first time or again."""
    come_back(ask.session, ask.session.get_one(Identity, ask.who.identity_id), ask.now)
    return Reply(words.WELCOME, FIRST)


def unfollow(ask: Ask) -> None:
    """Somebody left: no reply is possible; what was to be said goes another way from now on."""
    unfollows(ask.session, ask.session.get_one(Identity, ask.who.identity_id))


def me(ask: Ask) -> Reply:
    """What we know of you, and how to change it."""
    choices: tuple[Choice, ...] = (
        Choice("改姓名", "me/name"), Choice("改所在地", "me/zone"), Choice("我的家人", "me/people"),
        Choice("谁能替我办、我同意了什么", "me/helpers"),
    )  # fmt: skip
    choices += tuple(_of_reminders(ask, name) for name in words.REMINDERS)
    choices += (Choice(words.NOTICES, "me/notices"),)
    if is_cadre(ask.session, ask.who.person_id):
        choices = (*choices, Choice("查看居民", "staff/resident"))
    person = ask.session.get_one(Person, ask.who.person_id)
    return Reply(words.me(person.name, shared.city(person.tz)), choices)


def _of_reminders(ask: Ask, name: str) -> Choice:
    of = words.REMINDERS[name]
    silent = wants_none(ask.session, ask.who.person_id, of.kind)
    return Choice(of.start, f"me/reminders/{name}/on") if silent else Choice(of.stop, f"me/reminders/{name}/off")


def ask_name(ask: Ask) -> Reply:
    """Asks for the name, unless the county's own list has it."""
    person = ask.session.get_one(Person, ask.who.person_id)
    if person.code is not None:
        raise Refused("name_registered", name=person.name)
    return Reply(words.ASK_NAME, ask_for="me/name/is", back="me")


def take_name(ask: Ask) -> Reply:
    """Takes the name down: what the person says of themselves."""
    person = ask.session.get_one(Person, ask.who.person_id)
    call_oneself(ask.session, person, ask.text)
    return Reply(words.named(shared.plain(person.name)), FIRST)


def ask_zone(_: Ask) -> Reply:
    """Asks for the city, from a short list."""
    cities = tuple(Choice(name, f"me/zone/{zone.replace('/', '.')}") for zone, name in shared.CITIES.items())
    return Reply(words.ASK_ZONE, cities, back="me")


def take_zone(ask: Ask, zone: str) -> Reply:
    """Takes the city down; reminders still to come are planned anew."""
    person = ask.session.get_one(Person, ask.who.person_id)
    move_to_zone(ask.session, person, zone.replace(".", "/"))
    person_moved_zone(ask.session, person.id, ask.now)
    return Reply(words.moved(shared.city(person.tz), shared.when(ask.now, person.tz)), FIRST)


def no_reminders(ask: Ask, of: str) -> Reply:
    """No reminders of calls (or of visits) from now on; what changes is still told."""
    return _remind(ask, of, silent=True)


def reminders_again(ask: Ask, of: str) -> Reply:
    """Reminders again."""
    return _remind(ask, of, silent=False)


def _remind(ask: Ask, name: str, *, silent: bool) -> Reply:
    of = words.REMINDERS.get(name)
    if of is None:
        raise Refused("wrong_state")
    wish(ask.session, ask.who.person_id, of.kind, silent=silent, now=ask.now)
    return Reply(of.stopped if silent else of.again, (_of_reminders(ask, name), Choice("我的资料", "me")))


def reach_again(ask: Ask) -> Reply:
    """The person says that the account's messages are let in again: WeChat tells nobody of that switch."""
    reach_again_by_account(ask.session, ask.who.person_id)
    return Reply(words.REACHED_AGAIN, (Choice("我的资料", "me"),))


def my_people(ask: Ask) -> Reply:
    """For whom you may act, and how to link or end a link."""
    people = links_of(ask.session, ask.who.person_id)
    if not people:
        return Reply(words.NO_FAMILY, (Choice("输入亲情码", "link"), Choice("联系工作人员", "person")))
    lines = [f"· {person.name}（您是{link.kinship}）" for link, person in people]
    ends = tuple(Choice(f"解除：{person.name}", f"link/{link.id}/revoke") for link, person in people)
    return Reply(words.family(lines), (Choice("再关联一位", "link"), *ends), back="menu")


def ask_code(_: Ask) -> Reply:
    """Asks for the code that a cadre has given."""
    return Reply(words.ASK_CODE, ask_for="link/typed", back="me/people")


def typed_code(ask: Ask) -> Reply:
    """Takes a typed code; the words around it do not matter."""
    return scanned_code(ask, "".join(ask.text.replace("亲情码", "").replace("：", "").split()))


def scanned_code(ask: Ask, code: str) -> Reply:
    """A code was typed or scanned: asks what the relative is. Nobody is named before a cadre has confirmed."""
    invitation = invited_by(ask.session, code, ask.now)
    if not ask.who.name:
        return Reply(words.ASK_NAME, ask_for=f"link/named/{invitation.code}", back="me/people")
    return _ask_kinship(invitation.code)


def named_for_link(ask: Ask, code: str) -> Reply:
    """Takes the name first: a cadre cannot confirm somebody without one. One that does not fit is asked for again."""
    call_oneself(ask.session, ask.session.get_one(Person, ask.who.person_id), ask.text)
    return _ask_kinship(code)


def _ask_kinship(code: str) -> Reply:
    kinds = tuple(Choice(name, f"link/{code}/{n}") for n, name in enumerate(KINSHIPS))
    return Reply(words.ASK_KINSHIP, kinds, back="me/people")


def ask_link(ask: Ask, code: str, kinship: int) -> Reply:
    """Asks the cadres to confirm."""
    if not 0 <= kinship < len(KINSHIPS):
        raise Refused("wrong_state")
    link = linking.ask(ask.session, ask.who, code, KINSHIPS[kinship], ask.now)
    return Reply(words.ALREADY_LINKED if link.state == "confirmed" else words.ASKED, FIRST)


def revoke_link(ask: Ask, link: int) -> Reply:
    """Ends a link at once, and the calls to come with it: for the relative, the cared-for person and their cadre."""
    ask_family(ask.session, part(ask.session, ask.who, link, ask.now), ask.now)
    return Reply(words.REVOKED, FIRST)


def confirm_link(ask: Ask, link: int) -> Reply:
    """A cadre confirms."""
    linking.answer(ask.session, ask.who, link, "confirm", ask.now)
    return Reply(words.CONFIRMED, (Choice("我的任务", "task"),))


def decline_link(ask: Ask, link: int) -> Reply:
    """A cadre declines."""
    linking.answer(ask.session, ask.who, link, "decline", ask.now)
    return Reply(words.DECLINED, (Choice("我的任务", "task"),))


def way_to_a_person(hotline: str) -> Handler:
    """The room that shows the way to a person; `hotline` where no centre near has a number."""

    def way(ask: Ask) -> Reply:
        """The phone of the person's own centre, or of the centre of those they care for, else the county's."""
        centres = centres_near(ask.session, ask.who.person_id)
        lines = [words.centre_contact(centre.name, centre.phone) for centre in centres] or [
            words.county_contact(hotline)
        ]
        return Reply("\n".join(lines), FIRST)

    return way


ADDRESSES: dict[str, Handler] = {
    "me": me,
    "me/name": ask_name,
    "me/name/is": take_name,
    "me/zone": ask_zone,
    "me/zone/<zone>": take_zone,
    "me/people": my_people,
    "me/reach": reach_again,
    "me/reminders/<of>/off": no_reminders,
    "me/reminders/<of>/on": reminders_again,
    "link": ask_code,
    "link/typed": typed_code,
    "link/<code>": scanned_code,
    "link/named/<code>": named_for_link,
    "link/<code>/<int:kinship>": ask_link,
    "link/<int:link>/revoke": revoke_link,
    "link/<int:link>/confirm": confirm_link,
    "link/<int:link>/decline": decline_link,
    **residents.ADDRESSES,
    **trusting.ADDRESSES,
}


def rooms(hotline: str) -> dict[str, Handler]:
    """All rooms of this quarter; `hotline` is the county's number, "" where nobody has told it."""
    return {**ADDRESSES, "person": way_to_a_person(hotline)}


KEYWORDS = {
    "我的家人": "me/people", "家人": "me/people", "关联": "link", "亲情码": "link", "我的资料": "me", "改名": "me/name",
    "接收消息": "me/reach",
    "电话": "person", "联系工作人员": "person", "监护人": "child", **residents.KEYWORDS,
}  # fmt: skip

EVENTS = {"subscribe": follow, "unsubscribe": unfollow}

# Events that tell nothing which anything here depends on. Each stands here so that a new one is noticed.
NOTHING = frozenset({
    "scan", "click",  # the address behind them is what counts
    "location", "view", "view_miniprogram", "scancode_push", "scancode_waitmsg", "pic_sysphoto",
    "pic_photo_or_album", "pic_weixin", "location_select", "user_enter_tempsession", "wxa_media_check",
    "kf_create_session", "kf_close_session", "kf_switch_session",
    # We hold no avatar, nickname or location of anybody, so there is nothing to refresh or to delete.
    "user_info_modified", "user_authorization_revoke", "user_authorization_cancellation",
})  # fmt: skip
