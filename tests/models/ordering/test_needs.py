"""Needs: said in one's own words, seen by whom they concern, merged with every voice kept, parted, declined."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from models.base import Base
from models.errors import Refused
from models.history import history_of
from models.messages.letters import Letter
from models.messages.media import Attached, Media
from models.ordering.matters import seen_as
from models.ordering.needs import NeedSubmission, need_for, needs_of, needs_to_hand_on, needs_waiting, submit
from models.ordering.said import TEXT_LIMIT
from models.ordering.triage import decline, hand_over, likes, look_at, merge, unmerge
from models.ordering.voices import people_behind, root_of, voices_seen
from models.people.care import CareLink
from models.tasks.desk import finish, tasks_for
from models.tasks.tasks import Task
from tests.models.ordering.voicing import joins, lives, says, words
from tests.world import NOW

SECRET = "儿媳妇和婆婆天天吵架"


@pytest.fixture
def chen(cast):
    return cast.who(cast.chen)


def kinds(session, person_id):
    return session.scalars(select(Letter.kind).where(Letter.person_id == person_id).order_by(Letter.id)).all()


@pytest.mark.case("B15")
def test_a_need_may_be_anything_that_is_text(session, cast):
    for text in ("🙂🙂 想要🚌班车", "<script>alert(1)</script>", "字" * TEXT_LIMIT, "a\x00b\x07c"):
        need = says(session, cast.who(cast.xiaofang), text)
        session.expire(need)
        assert need.text == text.replace("\x00", "").replace("\x07", "")


@pytest.mark.case("B15")
def test_an_empty_need_and_one_of_2001_characters_are_refused(session, cast):
    with pytest.raises(Refused, match="said_nothing"):
        says(session, cast.who(cast.xiaofang), " \n\x00 ")
    with pytest.raises(Refused) as refusal:
        says(session, cast.who(cast.xiaofang), "字" * (TEXT_LIMIT + 1))
    assert refusal.value.facts == {"limit": TEXT_LIMIT, "length": TEXT_LIMIT + 1}


@pytest.mark.case("B15")
def test_a_voice_note_or_a_picture_alone_is_a_need(session, cast):
    for kind in ("voice", "image"):
        need = says(session, cast.who(cast.xiaofang), "", attached=(Attached(kind, "m1"),))
        media = session.scalars(select(Media).where(Media.subject == need.subject)).one()
        assert (media.kind, media.media_id, media.state) == (kind, "m1", "waiting")
    with pytest.raises(Refused, match="no_media"):
        says(session, cast.who(cast.xiaofang), "", attached=(Attached("video", "m2"),))


@pytest.mark.case("B1")
def test_the_same_key_at_the_same_moment_is_one_need(open_session, cast):
    said = words(cast.who(cast.xiaofang), "想要班车")

    def tap(_):
        with open_session() as session, session.begin():
            return submit(session, cast.who(cast.xiaofang), said, NOW).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(tap, range(6)))) == 1
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(NeedSubmission)) == 1
        with pytest.raises(Refused, match="not_yours"):
            submit(session, cast.who(cast.li), said, NOW)


def test_for_whom_one_may_not_speak_one_says_nothing(session, cast):
    with pytest.raises(Refused, match="no_link"):
        says(session, cast.who(cast.aming), person=cast.wangnainai)
    with pytest.raises(Refused, match="no_link"):
        says(session, cast.who(cast.zhao), person=cast.wangnainai, channel="paper")
    with pytest.raises(Refused, match="no_area"):
        says(session, cast.who(cast.laoxu))


@pytest.mark.case("B4")
def test_what_a_cadre_writes_down_is_the_residents_voice_and_is_said_to_be_paper_or_phone(session, cast):
    with pytest.raises(Refused, match="wrong_channel"):
        says(session, cast.who(cast.li), person=cast.wangnainai)
    with pytest.raises(Refused, match="wrong_channel"):
        says(session, cast.who(cast.xiaofang), person=cast.wangnainai, channel="phone")
    need = says(session, cast.who(cast.li), person=cast.wangnainai, channel="paper")
    assert (need.person_id, need.said_by_id) == (cast.wangnainai.id, cast.li.id)
    begun = history_of(session, need.subject)[0]
    assert (begun.by_person_id, begun.as_role) == (cast.li.id, "cadre")


def test_an_anonymous_voice_leaves_no_trace_of_who_spoke_and_counts(session, cast, chen):
    need = says(session, cast.who(cast.aming), "路灯坏了", anonymous=True)
    assert (need.person_id, need.said_by_id, need.teller_id) == (None, None, None)
    assert history_of(session, need.subject)[0].by_person_id is None
    assert needs_of(session, cast.who(cast.aming)) == []
    with pytest.raises(Refused, match="not_yours"):
        need_for(session, cast.who(cast.aming), need.id)
    assert people_behind(session, [need.id]) == {need.id: 1}
    decline(session, chen, need.id, "已经在修", NOW)
    assert kinds(session, cast.aming.id) == []


def test_an_anonymous_voice_is_written_down_at_no_instant_at_which_somebody_did_something(session, cast):
    at = NOW + timedelta(minutes=17, seconds=5, microseconds=3)
    said = words(cast.who(cast.aming), "路灯坏了", anonymous=True, attached=(Attached("image", "m1"),))
    need = submit(session, cast.who(cast.aming), said, at)
    session.flush()
    assert need.created_at == NOW
    times = [column for table in Base.metadata.sorted_tables for column in table.columns
             if column.type.python_type is datetime]  # fmt: skip
    assert [str(one) for one in times if session.scalars(select(one).where(one == at)).all()] == []
    named = submit(session, cast.who(cast.aming), words(cast.who(cast.aming), "路灯坏了"), at)
    assert named.created_at == at


def test_paper_from_the_box_names_nobody_and_comes_from_the_cadres_own_place(session, cast):
    box = {"person": None, "anonymous": True, "channel": "paper"}
    li = cast.who(cast.li)
    need = submit(session, li, words(li, "想看戏", **{**box, "person_id": None}, area_id=cast.village.id), NOW)
    assert (need.person_id, need.area_id) == (None, cast.village.id)
    with pytest.raises(Refused, match="no_link"):
        submit(session, li, words(li, "想看戏", **{**box, "person_id": None}, area_id=cast.other_village.id), NOW)
    with pytest.raises(Refused, match="no_link"):
        submit(session, li, words(li, "x", **{**box, "person_id": None, "anonymous": False}), NOW)


@pytest.mark.case("L1")
def test_only_who_told_it_and_the_clerks_over_the_place_see_a_need(session, cast, chen):
    need = says(session, cast.who(cast.xiaofang), person=cast.wangnainai)
    other = joins(session, "梅干事", cast.other_township)
    seen = {name: seen_as(session, who, need) for name, who in {
        "xiaofang": cast.who(cast.xiaofang), "chen": chen, "aming": cast.who(cast.aming), "zhao": cast.who(cast.zhao),
        "li": cast.who(cast.li), "other": other,
    }.items()}  # fmt: skip
    assert seen == {"xiaofang": "teller", "chen": "clerk", "aming": None, "zhao": None, "li": None, "other": None}
    assert [needs_waiting(session, who) for who in (chen, other)] == [[need], []]
    for verb in (
        lambda: look_at(session, other, need.id, "meal", NOW), lambda: decline(session, other, need.id, "x", NOW),
        lambda: likes(session, other, need.id),
        lambda: look_at(session, cast.who(cast.xiaofang), need.id, "meal", NOW),
    ):  # fmt: skip
        with pytest.raises(Refused, match="not_yours"):
            verb()
    session.scalars(select(CareLink)).one().state = "revoked"
    session.flush()
    with pytest.raises(Refused, match="not_yours"):
        need_for(session, cast.who(cast.xiaofang), need.id)


def test_a_confidential_need_is_seen_by_who_told_it_and_by_one_clerk_alone(session, cast, chen):
    second, admin = joins(session, "周干事", cast.township), joins(session, "吴主任", cast.county, "county_admin")
    says(session, cast.who(cast.aming))  # nobody's task alone: it weighs on neither
    need = says(session, cast.who(cast.xiaofang), SECRET, confidential=True)
    again = says(session, cast.who(cast.xiaofang), SECRET, confidential=True)
    assert {need.holder_id, again.holder_id} == {chen.person_id, second.person_id}  # who holds fewer is next
    holder, other = (chen, second) if need.holder_id == chen.person_id else (second, chen)
    seen = [seen_as(session, who, need) for who in (holder, other, admin, cast.who(cast.xiaofang), cast.who(cast.li))]
    assert seen == ["clerk", None, None, "teller", None]
    assert need not in needs_waiting(session, other)
    assert need in needs_waiting(session, holder)
    for _ in range(2):
        with pytest.raises(Refused, match="not_yours"):
            merge(session, other, need.id, again.id, NOW)


def test_a_confidential_need_never_comes_to_whom_it_may_be_about_and_where_nobody_is_left_it_is_not_taken(
    session, cast
):
    with pytest.raises(Refused, match="no_clerk"):
        says(session, cast.who(cast.chen), SECRET, confidential=True)
    assert session.scalars(select(NeedSubmission)).all() == []


def test_no_secret_is_handed_on_not_even_by_who_holds_it(session, cast, chen):
    open_one = says(session, cast.who(cast.xiaofang))
    secret = says(session, cast.who(cast.aming), SECRET, confidential=True)
    says(session, lives(session, "远", cast.other_village))
    assert secret.holder_id == chen.person_id
    assert needs_to_hand_on(session, chen, cast.township) == [open_one]
    with pytest.raises(Refused, match="not_yours"):
        needs_to_hand_on(session, cast.who(cast.li), cast.township)


def test_a_clerk_who_wrote_a_secret_down_keeps_it(session, cast, chen):
    joins(session, "周干事", cast.township)
    need = says(session, chen, SECRET, person=cast.wangnainai, channel="phone", confidential=True)
    says(session, chen, SECRET, person=cast.wangnainai, channel="phone", confidential=True)
    assert need.holder_id == chen.person_id
    assert seen_as(session, chen, need) == "clerk"


def test_a_holder_hands_a_confidential_need_over_and_reads_it_no_more(session, cast, chen):
    second, admin = joins(session, "周干事", cast.township), joins(session, "吴主任", cast.county, "county_admin")
    need = says(session, cast.who(cast.aming), SECRET, confidential=True)
    need.holder_id = chen.person_id
    with pytest.raises(Refused, match="not_yours"):
        hand_over(session, second, need.id, second.person_id, NOW)
    with pytest.raises(Refused, match="no_clerk"):
        hand_over(session, chen, need.id, cast.li.id, NOW)
    hand_over(session, chen, need.id, second.person_id, NOW)
    assert [seen_as(session, who, need) for who in (chen, second)] == [None, "clerk"]
    hand_over(session, admin, need.id, chen.person_id, NOW)  # the county may, and does not read it
    assert [seen_as(session, who, need) for who in (chen, second, admin)] == ["clerk", None, None]
    assert [task.assignee_id for task in session.scalars(select(Task).where(Task.state == "open"))] == [chen.person_id]


@pytest.mark.case("L3")
def test_no_task_and_no_letter_says_anything_of_a_confidential_need(session, cast, chen):
    need = says(session, cast.who(cast.li), SECRET, person=cast.wangnainai, channel="phone", confidential=True)
    merged = says(session, cast.who(cast.xiaofang), SECRET + "，想找人劝劝", confidential=True)
    root = says(session, cast.who(cast.aming), "想要有人调解家事")
    for one in (need, merged):
        one.holder_id = chen.person_id
    merge(session, chen, merged.id, root.id, NOW)
    decline(session, chen, need.id, "已请调解员上门劝和", NOW)
    letters, tasks = session.scalars(select(Letter)).all(), session.scalars(select(Task)).all()
    about = [letter for letter in letters if letter.subject in (need.subject, merged.subject)]
    assert [set(letter.facts) for letter in about] == [{"matter", "at", "centre", "phone", "secret"}]
    told = [task for task in tasks if task.subject == need.subject]
    assert [task.kind for task in told] == ["need_triage", "matter_tell"]  # 王奶奶 has no WeChat
    for task in told:
        assert (task.person_id, task.facts["person"], task.assignee_id) == (None, "", chen.person_id)
    for row in (*letters, *tasks):
        assert not any(word in str(row.facts) for word in ("吵架", "劝", "王秀英"))
    assert all("劝" not in row.note for row in history_of(session, need.subject))


def test_a_kind_that_is_nobodys_business_makes_a_need_confidential_for_good(session, cast, chen):
    need = says(session, cast.who(cast.aming), "孩子学费交不上")
    (before,) = session.scalars(select(Task).where(Task.subject == need.subject)).all()
    assert before.facts["person"] == "阿明"
    look_at(session, chen, need.id, "poor_pupil", NOW)
    assert (need.confidential, need.holder_id) == (True, chen.person_id)
    look_at(session, chen, need.id, "schooling", NOW)
    assert need.confidential
    assert before.state == "cancelled"
    (now_open,) = session.scalars(select(Task).where(Task.subject == need.subject, Task.state == "open")).all()
    assert (now_open.facts["person"], now_open.person_id, now_open.assignee_id) == ("", None, chen.person_id)
    with pytest.raises(Refused, match="no_category"):
        look_at(session, chen, need.id, "gossip", NOW)


def test_merging_counts_people_and_not_rows(session, cast, chen):
    root = says(session, cast.who(cast.aming))
    voices = [
        says(session, cast.who(cast.xiaofang), person=cast.wangnainai),
        says(session, cast.who(cast.li), person=cast.wangnainai, channel="paper"),  # the same grandmother again
        says(session, cast.who(cast.aming), "想要食堂"),  # and 阿明 again
        says(session, cast.who(cast.xiaofang), "食堂"),
        says(session, cast.who(cast.xiaofang), "食堂", anonymous=True),
        says(session, cast.who(cast.aming), "食堂", anonymous=True),
    ]
    for need in voices:
        merge(session, chen, need.id, root.id, NOW)
    assert people_behind(session, [root.id]) == {root.id: 5}  # 阿明, 王奶奶, 小芳 and two without a name


def test_what_was_merged_before_comes_along_and_is_parted_as_it_was(session, cast, chen):
    a, b, c = (says(session, lives(session, name, cast.village)) for name in ("甲", "乙", "丙"))
    merge(session, chen, a.id, b.id, NOW)
    merge(session, chen, b.id, c.id, NOW)
    assert people_behind(session, [a.id, b.id, c.id]) == {c.id: 3}
    assert root_of(session, a).id == c.id
    unmerge(session, chen, b.id, NOW)
    assert people_behind(session, [b.id, c.id]) == {b.id: 2, c.id: 1}
    assert (a.state, a.merged_into_id) == ("merged", b.id)


@pytest.mark.case("A5")
def test_of_merged_needs_every_voice_is_counted_and_a_confidential_one_is_not_shown(session, cast, chen):
    second = joins(session, "周干事", cast.township)
    root = says(session, cast.who(cast.aming), "想要一个谈心的地方")
    nameless = says(session, cast.who(cast.xiaofang), "想有人谈心", anonymous=True)
    secret = says(session, cast.who(cast.xiaofang), SECRET, person=cast.wangnainai, confidential=True)
    secret.holder_id = second.person_id
    session.flush()
    merge(session, chen, nameless.id, root.id, NOW)
    merge(session, second, secret.id, root.id, NOW)
    assert people_behind(session, [root.id]) == {root.id: 3}
    seen = {voice.need.id: (voice.name, voice.text, voice.hidden) for voice in voices_seen(session, chen, root)}
    assert seen == {
        root.id: ("阿明", "想要一个谈心的地方", False), nameless.id: ("", "想有人谈心", False),
        secret.id: ("", "", True),
    }  # fmt: skip
    own = {voice.need.id: voice.text for voice in voices_seen(session, second, root)}
    assert own[secret.id] == SECRET


@pytest.mark.case("A6")
@pytest.mark.parametrize("looked_at", [False, True])
def test_unmerging_restores_what_stood_before(session, cast, chen, looked_at):
    root, need = says(session, cast.who(cast.aming)), says(session, cast.who(cast.xiaofang), person=cast.wangnainai)
    if looked_at:
        look_at(session, chen, need.id, "meal", NOW)
    merge(session, chen, need.id, root.id, NOW)
    assert kinds(session, cast.xiaofang.id) == ["ordering.matter_merged"]
    unmerge(session, chen, need.id, NOW)
    assert (need.state, need.merged_into_id, need.demand_id, need.text) == (
        "triaged",
        None,
        None,
        "村里想要一个老年食堂",
    )
    assert people_behind(session, [root.id, need.id]) == {root.id: 1, need.id: 1}
    assert session.scalars(select(Letter.state).where(Letter.kind == "ordering.matter_merged")).all() == ["withdrawn"]
    assert [task.subject for task in tasks_for(session, chen)] == [root.subject, need.subject]  # to be decided anew
    verbs = ["begin", "triage", "merge", "unmerge"]
    assert [(row.verb, row.note) for row in history_of(session, need.subject)] == [
        (verb, root.subject if "merge" in verb else "") for verb in verbs
    ]
    merge(session, chen, need.id, root.id, NOW)
    assert people_behind(session, [root.id]) == {root.id: 2}
    with pytest.raises(Refused, match="wrong_state"):
        unmerge(session, chen, root.id, NOW)


@pytest.mark.case("A7")
def test_a_family_s_trouble_is_never_suggested_as_a_duplicate(session, cast, chen):
    secret = says(session, cast.who(cast.xiaofang), "婆媳吵架想找人调解", confidential=True)
    open_one = says(session, cast.who(cast.xiaofang), "邻居吵架想找人调解")
    mine = says(session, cast.who(cast.aming), "吵架想找人调解")
    assert secret.holder_id == chen.person_id  # not even to who may read it
    assert [(need.id, people) for need, people in likes(session, chen, mine.id)] == [(open_one.id, 1)]
    with pytest.raises(Refused, match="secret_target"):
        merge(session, chen, mine.id, secret.id, NOW)


def test_likes_are_of_the_same_township_alike_and_still_open(session, cast, chen):
    mine = says(session, cast.who(cast.aming), "希望村里办老年食堂")
    far = says(session, lives(session, "远", cast.other_village), "希望村里办老年食堂")
    unlike = says(session, cast.who(cast.xiaofang), "修一下桥")
    like = says(session, cast.who(cast.xiaofang), "老年食堂什么时候办")
    gone = says(session, cast.who(cast.xiaofang), "办老年食堂")
    decline(session, chen, gone.id, "重复", NOW)
    assert [need.id for need, _ in likes(session, chen, mine.id)] == [like.id]
    assert {far.id, unlike.id}.isdisjoint(need.id for need, _ in likes(session, chen, like.id))
    with pytest.raises(Refused, match="not_yours"):
        merge(session, chen, mine.id, far.id, NOW)
    admin = joins(session, "吴主任", cast.county, "county_admin")
    with pytest.raises(Refused, match="other_township"):
        merge(session, admin, mine.id, far.id, NOW)


def test_a_need_with_voices_behind_it_does_not_become_a_secret(session, cast, chen):
    root, need = says(session, cast.who(cast.aming)), says(session, cast.who(cast.xiaofang))
    merge(session, chen, need.id, root.id, NOW)
    with pytest.raises(Refused, match="has_voices"):
        look_at(session, chen, root.id, "hardship", NOW)
    with pytest.raises(Refused, match="same_need"):
        merge(session, chen, root.id, root.id, NOW)


@pytest.mark.case("A9")
def test_a_no_is_told_to_every_voice_with_the_reason_and_who_said_it(session, cast, chen):
    root, need = says(session, cast.who(cast.aming)), says(session, cast.who(cast.xiaofang), person=cast.wangnainai)
    merge(session, chen, need.id, root.id, NOW)
    with pytest.raises(Refused, match="reason_missing"):
        decline(session, chen, root.id, "  ", NOW)
    for _ in range(2):
        decline(session, chen, root.id, "今年没有场地", NOW)
    told = session.scalars(select(Letter).where(Letter.kind == "ordering.matter_declined")).all()
    assert sorted(letter.person_id for letter in told) == sorted([cast.aming.id, cast.xiaofang.id])
    assert {(letter.facts["reason"], letter.facts["who"]) for letter in told} == {("今年没有场地", "陈干事")}
    assert (root.reason, root.settled_by_id) == ("今年没有场地", chen.person_id)
    assert tasks_for(session, chen) == []


@pytest.mark.case("B6")
def test_who_has_no_wechat_hears_the_answer_from_the_village_cadre(session, cast, chen):
    need = says(session, cast.who(cast.li), person=cast.wangnainai, channel="paper")
    decline(session, chen, need.id, "今年没有场地", NOW)
    (task,) = tasks_for(session, cast.who(cast.li))
    assert (task.kind, task.person_id, task.facts["letter_kind"]) == (
        "tell_in_person", cast.wangnainai.id, "ordering.matter_declined",
    )  # fmt: skip
    assert kinds(session, cast.li.id) == ["tasks.assigned"]


def test_a_decision_ends_with_the_matter_and_not_with_a_tap_on_the_task(session, cast, chen):
    need = says(session, cast.who(cast.aming))
    (task,) = tasks_for(session, chen)
    with pytest.raises(Refused, match="decided_elsewhere"):
        finish(session, chen, task.id, NOW)
    decline(session, chen, need.id, "已有", NOW)
    assert (task.state, task.done_by_id) == ("done", chen.person_id)


@pytest.mark.parametrize("opposite", [False, True])
def test_of_clerks_who_merge_the_same_need_at_once_one_wins(open_session, cast, opposite):
    with open_session() as session, session.begin():
        a, b, c = (says(session, lives(session, name, cast.village)).id for name in ("甲", "乙", "丙"))
        clerks = [joins(session, f"干事{n}", cast.township) for n in range(6)]
    pairs = [(a, b), (b, a)] if opposite else [(a, b), (a, c)]

    def tap(n):
        try:
            with open_session() as session, session.begin():
                merge(session, clerks[n], *pairs[n % 2], NOW)
            return pairs[n % 2]
        except Refused as refusal:
            return refusal.code

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(tap, range(6)))
    won = {result for result in results if isinstance(result, tuple)}
    assert len(won) == 1  # the same merge again is the same merge
    assert results.count("wrong_state") == 3
    with open_session() as session:
        assert sorted(people_behind(session, [a, b, c]).values()) == [1, 2]
        (merged,) = session.scalars(select(NeedSubmission).where(NeedSubmission.state == "merged")).all()
        assert (merged.id, merged.merged_into_id) == won.pop()
