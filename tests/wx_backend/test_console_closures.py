"""Shutting a centre at the staff desk: whom it reaches is seen first, each call goes its way, and it can be undone."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.places import choices, words
from models.family.booking import book, move
from models.family.call_days import CallDay
from models.family.calls import FamilyCall
from models.family.changing import accept
from models.family.proposals import CallProposal
from models.ordering.listings import Listing
from models.ordering.placing import place
from models.ordering.versions import in_force
from models.places.centres import Closure
from tests.desk import Clerk, give_account, statements
from tests.gate import close_app, config_for
from tests.models.family.test_call_days import FIVE, TWO, families, made
from tests.models.family.test_calls import SUNDAY_16
from tests.models.family.test_shutting import administers, outcomes
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.database import db

HOUR = timedelta(hours=1)
FORM = {"first": "2026-11-29", "last": "2026-11-29", "reason": "台风"}


@pytest.fixture
def calls(cast, open_session):
    """Four calls of one Sunday, the earliest last."""
    with open_session() as session, session.begin():
        for person, name in ((cast.li, "li"), (cast.chen, "chen"), (cast.zhao, "zhao")):
            give_account(session, person.id, name)
        return [
            book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16 - n * HOUR,
                 client_key=f"k{n}", now=NOW).id
            for n in range(4)
        ]  # fmt: skip


@pytest.fixture
def app(database_url, calls):
    made = create_app(config_for(database_url), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def clerk(app):
    made = Clerk(app)
    made.signs_in("li")
    return made


def previews(clerk, cast, **form):
    clerk.opens(f"/console/centres/{cast.centre.id}")
    return clerk.posts(f"/console/centres/{cast.centre.id}/preview", **{**FORM, **form})


def fields(clerk):
    """What the form of the open preview holds, but for what is chosen."""
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', clerk.page))


def confirms(clerk, cast, sent=None, **chosen):
    return clerk.posts(f"/console/centres/{cast.centre.id}/shut", **{**(sent or fields(clerk)), **chosen})


def the_closure(open_session):
    with open_session() as session:
        return session.scalars(select(Closure)).one()


@pytest.mark.case("D19")
def test_a_clerk_sees_whom_it_reaches_decides_call_by_call_and_reads_what_became_of_each(
    clerk, cast, calls, open_session
):
    assert previews(clerk, cast).status_code == 200
    assert "还没有关门，也没有通知任何人" in clerk.text()
    assert "视频 4个" in clerk.text()
    assert "国内11月29日（周日）16:00 · 马德里09:00" in clerk.text()
    assert "王*与小*" in clerk.text()
    assert "王秀英" not in clerk.text()
    with open_session() as session:
        assert session.scalars(select(Closure)).all() == []
    answer = confirms(clerk, cast, **{"all": "keep", f"do-{calls[0]}": "ask", f"do-{calls[1]}": "cancel",
                                      "instead": "周三可以再约"})  # fmt: skip
    assert answer.status_code == 303
    with open_session() as session:
        done = outcomes(session, session.scalars(select(Closure)).one())
    assert done == {calls[0]: "asked", calls[1]: "cancelled", calls[2]: "kept", calls[3]: "kept"}
    clerk.opens(answer.location)
    assert words.DONE["shut"] in clerk.text()
    for told in (
        "在问家人：改到国内11月30日（周一）",
        "已取消，家人会收到通知",
        "保留，会变成任务",
        "李站长 登记关门 ：台风",
    ):
        assert told in clerk.text()
    clerk.opens("/console/centres/")
    assert "11月29日（周日） 台风" in clerk.text()
    with open_session() as session, session.begin():
        accept(session, cast.who(cast.xiaofang), session.scalars(select(CallProposal.id)).one(), NOW)
    clerk.opens(answer.location.partition("?")[0])
    assert "家人同意了，改到国内11月30日（周一）" in clerk.text()


@pytest.mark.case("D19")
def test_one_choice_for_all_goes_for_call_days_too_and_one_of_its_own_goes_first(clerk, cast, open_session):
    with open_session() as session, session.begin():
        days = []
        for n in (2, 3):
            families(session, cast, 1, name=f"老人{n}-")
            days.append(made(session, cast, TWO + timedelta(days=n), FIVE + timedelta(days=n), key=f"d{n}").id)
    previews(clerk, cast, last="2026-12-01")
    assert "集中连线 2场" in clerk.text()
    confirms(clerk, cast, **{"all": "cancel", f"day-{days[1]}": "keep", "instead": "再约"})
    with open_session() as session:
        assert [session.get_one(CallDay, key).state for key in days] == ["called_off", "open"]
        assert set(session.scalars(select(FamilyCall.state).where(FamilyCall.call_day_id.is_(None)))) == {"cancelled"}


@pytest.mark.case("D19")
def test_what_changed_while_the_clerk_decided_is_named(clerk, cast, calls, open_session):
    previews(clerk, cast)
    with open_session() as session, session.begin():
        move(session, cast.who(cast.xiaofang), calls[0], SUNDAY_16 - timedelta(days=1), NOW)
        move(session, cast.who(cast.xiaofang), calls[1], SUNDAY_16 - 5 * HOUR, NOW)
        book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16 - 6 * HOUR,
             client_key="late", now=NOW)  # fmt: skip
    clerk.opens(confirms(clerk, cast, all="cancel", instead="再约").location)
    assert clerk.text().count("您办理时刚约或刚改的，先保留，会变成任务") == 2
    assert clerk.text().count("您办理时已开始、改走或结束，没有变动") == 1
    assert clerk.text().count("已取消，家人会收到通知") == 2


def test_the_same_form_again_leads_to_the_same_closure(clerk, cast, open_session):
    previews(clerk, cast)
    sent = fields(clerk)
    first = confirms(clerk, cast, sent, all="keep").location
    previews(clerk, cast, first="2026-12-24", last="2026-12-24")
    assert confirms(clerk, cast, {**sent, "csrf_token": fields(clerk)["csrf_token"]}, all="keep").location == first
    assert the_closure(open_session).reason == "台风"


@pytest.mark.case("D19")
def test_a_closure_is_taken_back_and_the_page_still_says_what_was_cancelled_for_it(clerk, cast, open_session):
    previews(clerk, cast)
    here = confirms(clerk, cast, all="cancel", instead="再约").location.partition("?")[0]
    clerk.opens(here)
    answer = clerk.posts(f"{here}/back")
    assert answer.status_code == 303
    clerk.opens(answer.location)
    assert words.DONE["closure_back"] in clerk.text()
    assert clerk.text().count("已取消，家人会收到通知") == 4
    assert f'action="{here}/back"' not in clerk.page
    clerk.opens(f"/console/centres/{cast.centre.id}")
    assert "关门的日子 没有" in clerk.text()


WRONG = (
    ({"first": ""}, 422), ({"first": "x"}, 422), ({"first": "2026-02-30"}, 422), ({"first": "9999-12-31"}, 422),
    ({"last": "2026-11-28"}, 422), ({"last": "0001-01-01"}, 422), ({"reason": ""}, 422), ({"reason": "\x00"}, 422),
    ({"where": "all"}, 404), ({"first": "2026-11-23"}, 422),
)  # fmt: skip
ODD = ({"first": "2026-11-29\x00"}, {"reason": "风" * 500}, {"where": "nowhere"})


def typed(clerk, cast, form):
    """What is answered to this form before and after it is confirmed."""
    before = previews(clerk, cast, **form).status_code
    clerk.opens(f"/console/centres/{cast.centre.id}")
    return before, confirms(clerk, cast, {**FORM, "key": "k", **form}).status_code


def test_what_is_typed_wrong_into_the_form_of_a_closure_is_said_and_shuts_nothing(clerk, cast, open_session):
    for form, status in WRONG:
        assert typed(clerk, cast, form) == (status, status), form
        with open_session() as session:
            assert session.scalars(select(Closure)).all() == [], form


@pytest.mark.parametrize("form", ODD)
def test_what_is_odd_and_still_plain_shuts_once(clerk, cast, open_session, form):
    assert typed(clerk, cast, form) == (200, 303)
    with open_session() as session:
        assert len(session.scalars(select(Closure)).all()) == 1


def test_choices_that_are_forged_or_lacking_shut_nothing(clerk, cast, calls, open_session):
    huge = "9" * 30
    for chosen, status in (
        ({"all": "burn"}, 422), ({"all": "cancel"}, 422), ({f"do-{calls[0]}": "cancel", "all": "keep"}, 422),
        ({f"do-{calls[0]}": "x", "all": "keep"}, 422), ({"key": ""}, 404), ({"key": "\x00"}, 404),
    ):  # fmt: skip
        previews(clerk, cast)
        assert confirms(clerk, cast, **chosen).status_code == status, chosen
    with open_session() as session:
        assert session.scalars(select(Closure)).all() == []
    previews(clerk, cast)
    forged = {f"seen-{huge}": "0", "seen-x": "0", "seen-999999": "0", f"held-{huge}": "1", "held-999999": "1",
              f"seen-{calls[0]}": huge, "all": "keep"}  # fmt: skip
    assert confirms(clerk, cast, **forged).status_code == 303
    with open_session() as session:
        done = outcomes(session, session.scalars(select(Closure)).one())
    assert done == {calls[0]: "meanwhile", **dict.fromkeys(calls[1:], "kept")}


def test_days_that_are_shut_already_are_refused_and_those_that_have_begun_can_end_earlier(clerk, cast, open_session):
    previews(clerk, cast, first="2026-11-24", last="2026-11-29")
    here = confirms(clerk, cast, all="keep").location.partition("?")[0]
    assert previews(clerk, cast).status_code == 409
    assert words.REFUSALS["shut_already"] in clerk.text()
    clerk.opens(here)
    assert "11月25日（周三）起照常开门" in clerk.text()
    assert clerk.posts(f"{here}/back").status_code == 303
    clerk.opens(here)
    assert "葛山村党群服务中心 11月24日（周二）关门" in clerk.text()
    assert "提前结束关门 ：11-29 → 11-24" in clerk.text()
    assert f'action="{here}/back"' not in clerk.page
    with open_session() as session, session.begin():
        found = session.scalars(select(Closure)).one()
        found.first_day = found.last_day = found.first_day - timedelta(days=1)
    clerk.opens(f"/console/centres/{cast.centre.id}")
    assert clerk.posts(f"{here}/back").status_code == 409
    assert words.REFUSALS["closure_over"] in clerk.text()


@pytest.mark.case("D19", "L1")
def test_all_centres_are_an_administrators_to_shut_and_each_cadre_sees_their_own_calls(
    clerk, app, cast, calls, open_session
):
    clerk.opens(f"/console/centres/{cast.centre.id}")
    assert 'name="where"' not in clerk.page
    with open_session() as session, session.begin():
        administers(session, cast)
    admin, other = Clerk(app), Clerk(app)
    admin.signs_in("chen")
    other.signs_in("zhao")
    assert previews(admin, cast, where="all").status_code == 200
    assert "全部中心 11月29日（周日）关门" in admin.text()
    here = confirms(admin, cast, all="keep").location.partition("?")[0]
    for who, seen in ((admin, 4), (clerk, 4), (other, 0)):
        assert who.opens(here).status_code == 200
        assert who.text().count("王*与小*") == seen
        who.opens("/console/centres/")
        assert (who.posts(f"{here}/back").status_code == 303) == (who is admin), who
        if who is admin:  # for the others to try
            with open_session() as session, session.begin():
                session.scalars(select(Closure)).one().state = "standing"


@pytest.mark.case("D19")
def test_services_at_the_centre_are_named_and_those_at_home_are_not(clerk, cast, open_session):
    with open_session() as session, session.begin():
        for listing, at_centre in ((cast.haircut, True), (cast.meal, False)):
            if at_centre:
                in_force(session, listing.id).mode = session.get_one(Listing, listing.id).mode = "at_centre"
            answers = {} if at_centre else {"portions": 1, "diet": "正常"}
            place(session, cast.who(cast.xiaofang), listing_id=listing.id, beneficiary_id=cast.wangnainai.id,
                  answers=answers, preferred_at=SUNDAY_16 - 3 * HOUR, note="", client_key=listing.code,
                  now=NOW)  # fmt: skip
    previews(clerk, cast)
    assert "到中心办的服务 1个" in clerk.text()
    assert "上门理发" in clerk.text()
    assert "送餐" not in clerk.text()


def test_calls_beyond_those_that_fit_on_a_page_go_as_all_go(clerk, cast, calls, open_session, monkeypatch):
    monkeypatch.setattr(choices, "MOST", 1)
    previews(clerk, cast)
    assert "还有3个没有列出，按上面“全部怎么办”选的办" in clerk.text()
    confirms(clerk, cast, **{"all": "cancel", f"do-{calls[3]}": "keep", "instead": "再约"})
    with open_session() as session:
        done = outcomes(session, session.scalars(select(Closure)).one())
    assert done == {**dict.fromkeys(calls[:3], "cancelled"), calls[3]: "kept"}


@pytest.mark.both
def test_the_preview_asks_as_little_for_many_calls_as_for_few(clerk, app, cast, calls, open_session):
    def asked():
        with app.app_context(), statements(db.engine) as found:
            assert previews(clerk, cast).status_code == 200
        return len(found)

    few = asked()
    with open_session() as session, session.begin():
        first = session.get_one(FamilyCall, calls[0])
        for n in range(60):
            session.add(FamilyCall(
                client_key=f"m{n}", relative_id=first.relative_id, cared_id=first.cared_id, centre_id=first.centre_id,
                station_id=first.station_id, helper_id=first.helper_id, starts_at=SUNDAY_16, ends_at=SUNDAY_16 + HOUR,
                created_at=NOW,
            ))  # fmt: skip
    assert asked() == few
    assert "视频 64个" in clerk.text()
