"""需求, 求助, 需求清单 and 缺口 at the staff desk: what the pages offer is done by the rules, and secrets stay so."""

import re

import pytest
from sqlalchemy import func, select

from models.audit import AuditEntry
from models.hours import CHINA
from models.messages.media import Brought, Media, keep
from models.ordering.demands import DemandItem, DemandList, draft_of
from models.ordering.help import HelpNote, HelpRequest
from models.ordering.needs import NeedSubmission
from models.people.persons import Person
from models.people.staff import StaffRole
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.ordering.voicing import calls, lives, says
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.wechat.media import Folder

PHOTO = b"\xff\xd8\xff\xe0 a photo"


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / "media", 10_000)


@pytest.fixture
def sun(cast, open_session):
    """A second clerk of the same township."""
    with open_session() as session, session.begin():
        made = Person(name="孙干事", area_id=cast.township.id, created_at=NOW)
        session.add(made)
        session.flush()
        session.add(StaffRole(person_id=made.id, role="township_clerk", area_id=cast.township.id, since=NOW))
        give_account(session, made.id, "sun")
        give_account(session, cast.chen.id, "chen")
        return made


@pytest.fixture
def app(database_url, cast, sun, folder):
    made = create_app(config_for(database_url, WX_BACKEND_MEDIA__FOLDER=str(folder.path)), now=lambda: NOW)
    yield made
    close_app(made)


@pytest.fixture
def clerk(app):
    return signed_in(app, "chen")


def signed_in(app, who):
    made = Clerk(app)
    assert made.signs_in(who).status_code == 303
    return made


def put(open_session, make):
    with open_session() as session, session.begin():
        return make(session).id


@pytest.fixture
def need(cast, open_session):
    said, who = "王秀英想去老年食堂，电话13812345678", cast.who(cast.xiaofang)
    return put(open_session, lambda session: says(session, who, said, cast.wangnainai, channel="page"))


def stands(open_session, key, table=NeedSubmission):
    with open_session() as session:
        return session.get_one(table, key)


def audited(open_session):
    with open_session() as session:
        return list(session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))[-1]


def does(clerk, need, deed, seen=None, room="needs", **form):
    clerk.opens(f"/console/{room}/{need}")
    return clerk.posts(f"/console/{room}/{need}/{deed}", seen=seen or clerk.seen(), **form)


def test_the_list_masks_people_and_says_how_many_stand_behind(app, clerk, cast, open_session, need):
    clerk.opens("/console/needs/")
    assert "王*想去老年食堂，电话138****" in clerk.text()
    assert "王秀英" not in clerk.page
    clerk.opens(f"/console/needs/{need}")
    assert "王秀英" not in clerk.page
    assert clerk.posts(f"/console/needs/{need}/reveal").status_code == 422
    clerk.opens(f"/console/needs/{need}")
    assert clerk.posts(f"/console/needs/{need}/reveal", reason="call").status_code == 200
    assert "王秀英想去老年食堂，电话13812345678" in clerk.text()
    assert "小芳代说" in clerk.text()
    assert audited(open_session) == "reveal"


@pytest.mark.case("A5")
def test_a_secret_is_read_by_its_holder_alone_and_each_reading_is_written_down(app, cast, open_session):
    secret = put(open_session, lambda session: says(session, cast.who(cast.xiaofang), "家里吵架", cast.wangnainai,
                                                    confidential=True, channel="page"))  # fmt: skip
    with open_session() as session:
        holder = session.get_one(NeedSubmission, secret).holder_id
        name = "chen" if holder == cast.chen.id else "sun"
    reader, other = signed_in(app, name), signed_in(app, "sun" if name == "chen" else "chen")
    assert other.opens(f"/console/needs/{secret}").status_code == 404
    other.opens("/console/needs/")
    assert f"/console/needs/{secret}" not in other.page
    reader.opens("/console/needs/")
    assert "吵架" not in reader.page
    assert reader.opens(f"/console/needs/{secret}").status_code == 200
    assert "家里吵架" in reader.text()
    assert audited(open_session) == "secret_read"
    to = re.search(r'name="to".*?<option value="(\d+)">', reader.page, re.S)[1]
    assert does(reader, secret, "to", to=to).status_code == 303
    assert reader.opens(f"/console/needs/{secret}").status_code == 404
    assert other.opens(f"/console/needs/{secret}").status_code == 200


def test_a_kind_is_written_down_and_an_old_page_changes_nothing(app, clerk, open_session, need):
    clerk.opens(f"/console/needs/{need}")
    old = clerk.seen()
    assert does(clerk, need, "kind", kind="meal").status_code == 303
    assert stands(open_session, need).category == "meal"
    assert audited(open_session) == "need_kind"
    forms = {"kind": {"kind": "leisure"}, "answer": {"why": "x"}, "list": {"audience": "away", "title": "x"}, "off": {},
             "apart": {}, "into": {"into": "1"}, "to": {"to": "1"}}  # fmt: skip
    for deed, form in forms.items():
        assert does(clerk, need, deed, seen=old, **form).status_code == 409, deed
        assert f'href="/console/needs/{need}"' in clerk.page
    assert (stands(open_session, need).category, stands(open_session, need).state) == ("meal", "triaged")


@pytest.mark.case("A6")
def test_two_that_are_alike_are_merged_counted_as_people_and_parted_again(app, clerk, cast, open_session, need):
    other = put(open_session, lambda session: says(
        session, lives(session, "吴阿婆", cast.village), "想去老年食堂吃饭", channel="page"))  # fmt: skip
    clerk.opens(f"/console/needs/{other}")
    assert f'name="into" value="{need}"' in clerk.page
    assert does(clerk, other, "into", into=need).status_code == 303
    clerk.opens(f"/console/needs/{need}")
    assert "一共2人提过" in clerk.text()
    assert does(clerk, other, "apart").status_code == 303
    clerk.opens(f"/console/needs/{need}")
    assert "一共2人提过" not in clerk.text()


def test_a_need_goes_on_a_draft_the_draft_comes_out_and_the_next_version_keeps_its_line(
    app, clerk, cast, open_session, need
):
    assert does(clerk, need, "list", audience="left_behind", title="老年食堂").status_code == 303
    assert audited(open_session) == "need_adopt"
    assert does(clerk, need, "off").status_code == 303
    with open_session() as session:
        item, number = session.execute(select(DemandItem.id, DemandItem.list_id)).one()
    clerk.opens(f"/console/needs/{need}")
    assert f'<option value="{item}">1. 老年食堂</option>' in clerk.page
    assert does(clerk, need, "list", item=item).status_code == 303
    clerk.opens(f"/console/demands/{number}")
    assert "缺服务" in clerk.text()
    old = clerk.seen()

    def changes(deed, **form):
        clerk.opens(f"/console/demands/{number}")
        assert clerk.posts(f"/console/demands/{number}/{deed}", **form).status_code == 303, deed
        clerk.opens(f"/console/demands/{number}")

    changes("add", title="陪诊", kind="medical")
    assert clerk.posts(f"/console/demands/{number}/publish", seen=old).status_code == 409
    clerk.opens(f"/console/demands/{number}")
    second = clerk.seen().split("-")[1]
    changes("up", item=second)
    changes("cover", item=item, listing=cast.meal.id)
    assert clerk.text().index("陪诊") < clerk.text().index("老年食堂")
    assert "爱心送餐 不算" in clerk.text()
    changes("uncover", item=item, listing=cast.meal.id)
    assert "爱心送餐 不算" not in clerk.text()
    changes("drop", item=second)
    changes("publish", seen=clerk.seen())
    assert audited(open_session) == "list_publish"
    with open_session() as session, session.begin():
        draft_of(session, cast.who(cast.chen), cast.township.id, "left_behind", NOW)
    clerk.opens("/console/demands/")
    assert ("第1版" in clerk.text(), "第2版" in clerk.text(), "已发布" in clerk.text()) == (True, True, True)
    assert does(clerk, need, "off").status_code == 409
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(DemandList)) == 2


@pytest.mark.case("A9")
def test_what_is_not_ours_is_answered_with_whose_it_is_and_why(app, clerk, open_session, need):
    assert does(clerk, need, "answer", whose="县供电公司", why="").status_code == 422
    assert does(clerk, need, "answer", whose="县供电公司（95598）", why="电线杆是他们的").status_code == 303
    found = stands(open_session, need)
    assert (found.state, found.reason) == ("declined", "这件事归县供电公司（95598）管：电线杆是他们的")
    assert audited(open_session) == "need_decline"
    clerk.opens(f"/console/needs/{need}")
    assert "陈干事" in clerk.text()
    assert "县供电公司（95598）" in clerk.text()


def test_a_photo_is_sent_to_who_may_see_its_need_and_each_look_is_written_down(
    app, clerk, cast, open_session, need, folder
):
    folder.keep("f" * 32, PHOTO)
    with open_session() as session, session.begin():
        photo = keep(session, f"need:{need}", Brought("image", "jpg", len(PHOTO), "f" * 32), NOW).id
        gone = keep(session, f"need:{need}", Brought("image", "jpg", 3, "e" * 32), NOW).id
        strange = keep(session, "need:999", Brought("image", "jpg", 3, "d" * 32), NOW).id
        unfetched = Media(subject=f"need:{need}", app_id="x", media_id="x", kind="voice", file="c" * 32, next_at=NOW,
                          created_at=NOW)  # fmt: skip
        session.add(unfetched)
        session.flush()
        waiting = unfetched.id
    clerk.opens(f"/console/needs/{need}")
    assert f"/console/needs/{need}/media/{photo}" in clerk.page
    assert "正在接收" in clerk.text()
    sent = clerk.client.get(f"/console/needs/{need}/media/{photo}")
    assert (sent.status_code, sent.mimetype, sent.data) == (200, "image/jpeg", PHOTO)
    assert sent.headers["Cache-Control"] == "no-store"
    assert sent.headers["X-Content-Type-Options"] == "nosniff"
    assert audited(open_session) == "media_seen"
    for other in (gone, strange, waiting, 999999):
        assert clerk.client.get(f"/console/needs/{need}/media/{other}").status_code == 404
    with open_session() as session, session.begin():
        session.get_one(NeedSubmission, need).confidential = True
        session.get_one(NeedSubmission, need).holder_id = session.scalars(
            select(Person.id).where(Person.name == "孙干事")
        ).one()
    assert clerk.client.get(f"/console/needs/{need}/media/{photo}").status_code == 404


def test_a_call_is_given_noted_done_or_answered_and_goes_up_the_list_when_it_burns(app, clerk, cast, open_session):
    who = cast.who(cast.xiaofang)
    calm = put(open_session, lambda session: calls(session, who, "水管漏了", cast.wangnainai, channel="page"))
    late = put(open_session, lambda session: calls(session, who, "家里着火了", cast.wangnainai, channel="page"))
    clerk.opens("/console/help/")
    assert clerk.text().index("着火") < clerk.text().index("水管")
    assert does(clerk, calm, "kind", room="help", kind="cleaning").status_code == 303
    assert does(clerk, calm, "to", room="help", to=cast.li.id).status_code == 303
    assert audited(open_session) == "help_assign"
    assert does(clerk, calm, "note", room="help", text="约了周五").status_code == 303
    clerk.opens(f"/console/help/{calm}")
    assert "约了周五" in clerk.text()
    assert "李站长" in clerk.text()
    assert does(clerk, calm, "done", seen="received.0", room="help", text="修好了").status_code == 409
    assert does(clerk, calm, "done", room="help", text="修好了").status_code == 303
    assert stands(open_session, calm, HelpRequest).outcome == "修好了"
    assert does(clerk, late, "close", room="help", whose="消防队", why="已出警").status_code == 303
    assert stands(open_session, late, HelpRequest).reason == "这件事归消防队管：已出警"
    with open_session() as session:
        assert session.scalars(select(HelpNote.text)).all() == ["约了周五"]
    clerk.opens("/console/help/", view="done")
    assert "水管漏了" in clerk.text()


def test_the_gaps_are_counted_by_people_below_a_place_and_a_villages_cadre_gathers_none(
    app, clerk, cast, open_session, need
):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
    assert does(clerk, need, "list", audience="away", title="老年食堂").status_code == 303
    number = stands(open_session, need).demand_id
    with open_session() as session:
        whole = session.get_one(DemandItem, number).list_id
    clerk.opens("/console/gaps/")
    assert "每一项都有服务" in clerk.text()
    clerk.opens(f"/console/demands/{whole}")
    clerk.posts(f"/console/demands/{whole}/publish", seen=clerk.seen())
    clerk.opens("/console/gaps/")
    assert re.search(r"老年食堂 \S+ 1 鸬鹚乡", clerk.text())
    cadre = signed_in(app, "li")
    cadre.opens("/console/gaps/", place=cast.township.id)
    assert "老年食堂" not in cadre.text()
    assert "没有要处理的" in cadre.text()


def test_times_at_the_desk_are_chinas(clerk, need):
    clerk.opens(f"/console/needs/{need}")
    assert f"{NOW.astimezone(CHINA):%H:%M}" in clerk.text()
