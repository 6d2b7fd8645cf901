"""The list of what a township needs most: drawn up, published once, told once, carried on, and where it has gaps."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import event, func, select

from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.messages.optouts import opt_out
from models.ordering.demands import (
    DemandList,
    add_item,
    arrange,
    draft_of,
    items_of,
    lists_seen,
    position_of,
)
from models.ordering.gaps import Asked, gaps, gaps_for
from models.ordering.listings import Listing
from models.ordering.matter_news import MATTER_NEWS
from models.ordering.orders import Order
from models.ordering.placing import give_up, place
from models.ordering.publishing import cover, drop, publish, uncover
from models.ordering.triage import adopt, decline, look_at, merge, take_off, unmerge
from models.ordering.voices import people_of_demands
from models.people.persons import Person
from models.tasks.desk import tasks_for
from models.tasks.tasks import Task
from tests.models.ordering.voicing import joins, lives, says
from tests.world import NOW


@pytest.fixture
def chen(cast):
    return cast.who(cast.chen)


def draft(session, cast, chen, audience="left_behind"):
    return draft_of(session, chen, cast.township.id, audience, NOW)


def item(session, cast, chen, title="老年食堂", category="meal"):
    return add_item(session, chen, draft(session, cast, chen).id, title, category, NOW)


def listed(session):
    query = select(Letter).where(Letter.kind == "ordering.matter_listed").order_by(Letter.id)
    return [(letter.person_id, letter.facts.get("position")) for letter in session.scalars(query)]


def test_of_drafts_begun_at_once_there_is_one(open_session, cast, chen):
    def begin(_):
        with open_session() as session, session.begin():
            return draft(session, cast, chen).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(begin, range(6)))) == 1


@pytest.mark.case("L1")
def test_a_list_is_its_own_townships_affair(session, cast, chen):
    mine = item(session, cast, chen)
    other = joins(session, "梅干事", cast.other_township)
    need = says(session, lives(session, "远", cast.other_village))
    for stranger in (other, cast.who(cast.li), cast.who(cast.xiaofang)):
        assert lists_seen(session, stranger) == []
        for verb in (
            lambda who: draft_of(session, who, cast.township.id, "away", NOW),
            lambda who: add_item(session, who, mine.list_id, "x", "meal", NOW),
            lambda who: publish(session, who, mine.list_id, NOW),
            lambda who: drop(session, who, mine.id, NOW),
            lambda who: cover(session, who, mine.id, cast.meal.id, NOW),
            lambda who: gaps_for(session, who, cast.township.id, NOW),
            lambda who: adopt(session, who, need.id, mine.id, NOW),
        ):
            with pytest.raises(Refused, match="not_yours"):
                verb(stranger)
    admin = joins(session, "吴主任", cast.county, "county_admin")
    with pytest.raises(Refused, match="other_township"):
        adopt(session, admin, need.id, mine.id, NOW)


def test_published_every_voice_hears_once_in_which_place_its_need_stands(session, cast, chen):
    first, second = item(session, cast, chen, "班车", "mobility"), item(session, cast, chen)
    root = says(session, cast.who(cast.aming))
    others = [says(session, cast.who(cast.xiaofang)), says(session, cast.who(cast.xiaofang), "食堂！"),
              says(session, cast.who(cast.aming), "还是食堂", anonymous=True)]  # fmt: skip
    for need in others:
        merge(session, chen, need.id, root.id, NOW)
    adopt(session, chen, root.id, second.id, NOW)
    assert listed(session) == []
    assert [publish(session, chen, first.list_id, NOW).state for _ in range(2)] == ["published"] * 2
    assert listed(session) == [(cast.aming.id, 2), (cast.xiaofang.id, 2)]
    letter = session.scalars(select(Letter).where(Letter.kind == "ordering.matter_listed")).first()
    assert (letter.facts["title"], letter.facts["quarter"]) == ("老年食堂", "2026-Q4")
    assert (first.voices, second.voices) == (0, 3)
    assert position_of(session, root.demand_id).item.id == second.id
    # The next version begins with the old one, and tells nobody what they know.
    later = NOW + timedelta(days=90)
    new = draft_of(session, chen, cast.township.id, "left_behind", later)
    assert [(one.title, one.line_id) for one in items_of(session, new.id)] == [
        ("班车", first.id),
        ("老年食堂", second.id),
    ]
    fresh = says(session, lives(session, "新人", cast.village), "食堂呢")
    adopt(session, chen, fresh.id, items_of(session, new.id)[1].id, later)
    publish(session, chen, new.id, later)
    assert listed(session) == [(cast.aming.id, 2), (cast.xiaofang.id, 2), (fresh.person_id, 2)]
    assert (new.version, new.quarter, items_of(session, new.id)[1].voices, second.voices) == (2, "2027-Q1", 4, 3)
    assert session.get_one(DemandList, first.list_id).state == "superseded"
    with pytest.raises(Refused, match="list_closed"):
        publish(session, chen, first.list_id, later)
    assert [row.verb for row in history_of(session, f"demand_list:{first.list_id}")] == [
        "begin",
        "publish",
        "supersede",
    ]


def test_a_late_voice_is_told_of_the_place_at_once_and_at_no_other_time(session, cast, chen):
    root, line = says(session, cast.who(cast.aming)), item(session, cast, chen)
    adopt(session, chen, root.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    late = says(session, cast.who(cast.xiaofang))
    merge(session, chen, late.id, root.id, NOW)
    assert listed(session) == [(cast.aming.id, 1), (cast.xiaofang.id, 1)]
    publish(session, chen, draft(session, cast, chen).id, NOW)
    assert len(listed(session)) == 2
    unmerge(session, chen, late.id, NOW)
    assert people_of_demands(session, [line.line_id]) == {line.line_id: 1}


@pytest.mark.case("A6")
@pytest.mark.parametrize("with_wechat", [True, False])
def test_who_was_parted_before_they_heard_hears_when_it_is_true_after_all(session, cast, chen, with_wechat):
    root, line = says(session, cast.who(cast.aming)), item(session, cast, chen)
    adopt(session, chen, root.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    paper = {"person": cast.wangnainai, "channel": "paper"}
    late = says(session, cast.who(cast.xiaofang)) if with_wechat else says(session, cast.who(cast.li), **paper)

    def news():
        letters = select(Letter.state).where(Letter.person_id == cast.xiaofang.id)
        tasks = select(Task.state).where(Task.kind == "tell_in_person").order_by(Task.id)
        return session.scalars(letters if with_wechat else tasks).all()

    merge(session, chen, late.id, root.id, NOW)
    unmerge(session, chen, late.id, NOW)
    assert news() == ["withdrawn" if with_wechat else "cancelled"]
    merge(session, chen, late.id, root.id, NOW)
    assert news() == (["planned"] if with_wechat else ["cancelled", "open"])
    publish(session, chen, draft(session, cast, chen).id, NOW)
    assert len(news()) == (1 if with_wechat else 2)


@pytest.mark.case("L3", "A5")
def test_a_confidential_voice_counts_in_the_list_and_its_letter_says_only_that_there_is_news(session, cast, chen):
    line, root = item(session, cast, chen, "家事调解", "other"), says(session, cast.who(cast.aming), "想有人调解")
    secret = says(session, cast.who(cast.xiaofang), "婆媳天天吵架", confidential=True)
    merge(session, chen, secret.id, root.id, NOW)
    adopt(session, chen, root.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    assert line.voices == 2
    letters = session.scalars(select(Letter).where(Letter.person_id == cast.xiaofang.id)).all()
    assert {tuple(sorted(letter.facts)) for letter in letters} == {("at", "centre", "matter", "phone", "secret")}


@pytest.mark.case("B6")
def test_each_of_those_without_wechat_is_visited(session, cast, chen):
    line = item(session, cast, chen)
    other = Person(name="李阿公", area_id=cast.village.id, created_at=NOW)
    session.add(other)
    session.flush()
    for person in (cast.wangnainai, other, other):
        need = says(session, cast.who(cast.li), person=person, channel="paper")
        adopt(session, chen, need.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    visits = session.scalars(select(Task.person_id).where(Task.kind == "tell_in_person").order_by(Task.id)).all()
    assert visits == [cast.wangnainai.id, other.id]


def test_who_does_without_such_letters_is_not_visited_either(session, cast, chen):
    line = item(session, cast, chen)
    need = says(session, cast.who(cast.li), person=cast.wangnainai, channel="paper")
    opt_out(session, cast.wangnainai.id, MATTER_NEWS, NOW)
    adopt(session, chen, need.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    assert tasks_for(session, cast.who(cast.li)) == []
    assert session.scalars(select(Task.kind).where(Task.kind == "tell_in_person")).all() == []


def test_an_empty_list_is_not_published(session, cast, chen):
    with pytest.raises(Refused, match="list_empty"):
        publish(session, chen, draft(session, cast, chen).id, NOW)


def test_of_clerks_who_publish_at_once_one_does_and_everybody_is_told_once(open_session, cast, chen):
    with open_session() as session, session.begin():
        line, need = item(session, cast, chen), says(session, cast.who(cast.aming))
        adopt(session, chen, need.id, line.id, NOW)
        key = line.list_id

    def tap(_):
        with open_session() as session, session.begin():
            return publish(session, chen, key, NOW).state

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(tap, range(5))) == ["published"] * 5
    with open_session() as session:
        assert [row.verb for row in history_of(session, f"demand_list:{key}")] == ["begin", "publish"]
        assert listed(session) == [(cast.aming.id, 1)]


def test_what_was_put_on_a_list_by_mistake_is_taken_off_before_it_is_out(session, cast, chen):
    line, need = item(session, cast, chen), says(session, cast.who(cast.aming))
    adopt(session, chen, need.id, line.id, NOW)
    with pytest.raises(Refused, match="has_voices"):
        drop(session, chen, line.id, NOW)
    take_off(session, chen, need.id, NOW)
    assert (need.state, need.demand_id) == ("triaged", None)
    adopt(session, chen, need.id, line.id, NOW)
    publish(session, chen, line.list_id, NOW)
    with pytest.raises(Refused, match="list_closed"):
        take_off(session, chen, need.id, NOW)
    with pytest.raises(Refused, match="list_closed"):
        adopt(session, chen, says(session, cast.who(cast.aming)).id, line.id, NOW)


def test_an_item_is_left_out_of_the_next_version_unless_somebody_would_never_hear_of_it(session, cast, chen):
    kept, gone = item(session, cast, chen, "一"), item(session, cast, chen, "二")
    last = item(session, cast, chen, "三")
    told = says(session, cast.who(cast.aming))
    adopt(session, chen, told.id, gone.id, NOW)
    publish(session, chen, kept.list_id, NOW)
    new = draft(session, cast, chen)
    copy = items_of(session, new.id)[1]
    untold = says(session, cast.who(cast.xiaofang))
    adopt(session, chen, untold.id, copy.id, NOW + timedelta(hours=1))
    with pytest.raises(Refused, match="has_voices"):
        drop(session, chen, copy.id, NOW)
    take_off_before_publishing = pytest.raises(Refused, match="list_closed")
    with take_off_before_publishing:
        take_off(session, chen, untold.id, NOW)  # its line is out already: there it stays
    publish(session, chen, new.id, NOW + timedelta(hours=2))
    third = draft_of(session, chen, cast.township.id, "left_behind", NOW + timedelta(hours=3))
    drop(session, chen, items_of(session, third.id)[1].id, NOW + timedelta(hours=3))
    assert [(one.position, one.title) for one in items_of(session, third.id)] == [(1, "一"), (2, "三")]
    assert [one.title for one in items_of(session, new.id)] == ["一", "二", "三"]
    assert last.position == 3


def test_items_are_put_into_another_order(session, cast, chen):
    lines = [item(session, cast, chen, title) for title in "甲乙丙丁"]
    wanted = [lines[n].id for n in (3, 0, 2, 1)]
    assert [one.title for one in arrange(session, chen, lines[0].list_id, wanted)] == list("丁甲丙乙")
    with pytest.raises(Refused, match="wrong_state"):
        arrange(session, chen, lines[0].list_id, wanted[:3])


def test_an_item_has_a_short_title(session, cast, chen):
    for title in ("", "  ", "长" * 41):
        with pytest.raises(Refused, match="title_long"):
            item(session, cast, chen, title)


def test_a_demand_without_a_service_that_stands_today_is_a_gap(session, cast, chen):
    line, need = item(session, cast, chen), says(session, cast.who(cast.aming))
    adopt(session, chen, need.id, line.id, NOW)
    assert gaps(session, NOW).uncovered == []  # a draft is nobody's promise
    publish(session, chen, line.list_id, NOW)
    (gap,) = gaps(session, NOW).uncovered
    assert (gap.township, gap.position, gap.title, gap.people) == ("鸬鹚乡", 1, "老年食堂", 1)
    for _ in range(2):
        cover(session, chen, line.id, cast.meal.id, NOW)
    assert gaps(session, NOW).uncovered == []
    session.get_one(Listing, cast.meal.id).state = "suspended"
    session.flush()
    assert len(gaps(session, NOW).uncovered) == 1
    listing = session.get_one(Listing, cast.meal.id)
    listing.state, listing.valid_to = "published", NOW.date()
    session.flush()
    assert gaps(session, NOW).uncovered == []
    assert len(gaps(session, NOW + timedelta(days=1)).uncovered) == 1
    listing.valid_to = None
    publish(session, chen, draft(session, cast, chen).id, NOW)
    assert gaps(session, NOW).uncovered == []  # the service answers the demand in every version
    uncover(session, chen, line.id, cast.meal.id)
    assert len(gaps(session, NOW).uncovered) == 1
    far = Listing(code="F", centre_id=cast.other_centre.id, category="meal", title="远", summary="", mode="at_home",
                  questions=[], state="published", created_at=NOW)  # fmt: skip
    session.add(far)
    session.flush()
    with pytest.raises(Refused, match="not_offered"):
        cover(session, chen, line.id, far.id, NOW)


@pytest.mark.case("C6")
def test_orders_that_nobody_could_do_stand_in_the_report_as_people(session, cast):
    for day in (1, 2):
        order = place(
            session, cast.who(cast.xiaofang), listing_id=cast.meal.id, beneficiary_id=cast.wangnainai.id,
            answers={"portions": 1, "diet": "正常"}, preferred_at=NOW + timedelta(days=day), note="",
            client_key=f"o{day}", now=NOW,
        )  # fmt: skip
        give_up(session, cast.who(cast.li), order.id, f"第{day}天没有人", NOW, "nobody_free")
    (unmet,) = gaps(session, NOW, session.merge(cast.township)).unmet
    assert (unmet.township, unmet.category, unmet.reason, unmet.orders, unmet.people) == (
        "鸬鹚乡",
        "meal",
        "nobody_free",  # counted by its code: what somebody typed is in no report
        2,
        1,
    )
    assert gaps(session, NOW, session.merge(cast.other_township)).unmet == []
    assert session.scalar(select(func.count()).select_from(Order)) == 2


def test_who_asked_for_what_is_counted_by_township_and_kind_without_secrets_and_refusals(session, cast, chen):
    root = says(session, cast.who(cast.aming))
    look_at(session, chen, root.id, "meal", NOW)
    for who, more in ((cast.xiaofang, {}), (cast.aming, {}), (cast.aming, {"anonymous": True})):
        merge(session, chen, says(session, cast.who(who), **more).id, root.id, NOW)
    says(session, cast.who(cast.xiaofang), "想学电脑")
    says(session, cast.who(cast.aming), "吵架", confidential=True)
    decline(session, chen, says(session, cast.who(cast.xiaofang), "修桥").id, "已修", NOW)
    says(session, lives(session, "远", cast.other_village))
    in_county = lives(session, "县里人", cast.county)
    says(session, in_county, "想坐公交")
    assert sorted(gaps(session, NOW).asked, key=str) == sorted(
        [Asked("鸬鹚乡", "meal", 3), Asked("鸬鹚乡", "", 1), Asked("梅岐乡", "", 1), Asked("景宁县", "", 1)], key=str
    )
    assert gaps_for(session, chen, cast.township.id, NOW).asked[0] == Asked("鸬鹚乡", "meal", 3)


def test_the_report_asks_three_questions_whatever_there_is(session, cast, chen, engine):
    asked = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    for many in (1, 6):
        for n in range(len(items_of(session, draft(session, cast, chen).id)), many):
            line = item(session, cast, chen, f"第{n}件")
            adopt(session, chen, says(session, lives(session, f"人{n}", cast.village)).id, line.id, NOW)
        publish(session, chen, draft(session, cast, chen).id, NOW)
        session.commit()
        asked.clear()
        assert len(gaps(session, NOW).uncovered) == many
        assert sum(statement.lstrip().upper().startswith(("SELECT", "WITH")) for statement in asked) == 3
