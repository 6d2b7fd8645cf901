"""Between calls: how the elder is, who has not talked for long, pairs, news from home, the sheet and who was told."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from handlers.family.daysheets import as_text, cells
from handlers.people.befalling import mark
from models.errors import Refused
from models.family.booking import move
from models.family.calls import FamilyCall
from models.family.daysheet import day_sheet, to_phone
from models.family.ending import cancel
from models.family.news import HomeNews, news_for, news_of, photo_for, photo_of, send_photo, write
from models.family.outcomes import report
from models.family.pairing import Pairing, ask_overdue, contacts_of, pair, pairs_of, part, touch
from models.family.parting import take_back
from models.family.quiet import quiet, tell_quiet
from models.family.told import tell_in_person, telling_of
from models.family.wellbeing import tick, tick_of
from models.hours import CHINA
from models.messages.letters import Letter
from models.messages.media import Attached, Brought, Kept, keep, media_of, settle_media
from models.people import consent
from models.people.care import CareLink
from models.people.consent import agree
from models.people.persons import Person
from models.purging import media_gone
from models.tasks.desk import finish
from models.tasks.tasks import Task
from models.tasks.undelivered import hand_over
from tests.models.family.test_calls import SUNDAY_16, booked, sister
from tests.world import NOW

AFTER = SUNDAY_16 + timedelta(minutes=30)
DAY = timedelta(days=1)


def talked(session, cast, call=None, at=AFTER):
    call = call or booked(session, cast)
    return report(session, cast.who(cast.li), call.id, "completed", at, at)


def tasks(session, kind, *states):
    query = select(Task).where(Task.kind == kind, Task.state.in_(states or ("open", "acknowledged")))
    return session.scalars(query.order_by(Task.id)).all()


# How the elder is.


def test_a_follow_up_is_a_task_with_its_day_and_the_note_goes_into_no_letter_and_no_task(session, cast):
    call, li = talked(session, cast), cast.who(cast.li)
    with pytest.raises(Refused, match="note_needed"):
        tick(session, li, call.id, "follow_up", AFTER)
    told = tick(session, li, call.id, "follow_up", AFTER, "腿脚肿了", 1)
    (task,) = tasks(session, "wellbeing")
    # Sunday afternoon: the next working morning is Monday's.
    assert task.due_at == told.due_at == datetime(2026, 11, 30, 8, 30, tzinfo=CHINA)
    assert "腿脚" not in str([letter.facts for letter in session.scalars(select(Letter))]) + str(task.facts)
    assert tick(session, li, call.id, "follow_up", AFTER, "腿脚肿了", 1).id == told.id
    assert len(tasks(session, "wellbeing")) == 1
    finish(session, li, task.id, AFTER + DAY)


def test_the_last_word_counts_and_its_task_follows(session, cast):
    call, li = talked(session, cast), cast.who(cast.li)
    tick(session, li, call.id, "follow_up", AFTER, "想儿子了", 3)
    tick(session, li, call.id, "follow_up", AFTER + timedelta(minutes=1), "想儿子了", 1)
    assert len(tasks(session, "wellbeing")) == 1
    tick(session, li, call.id, "ok", AFTER + timedelta(minutes=2))
    assert (tasks(session, "wellbeing"), tick_of(session, li, call.id).verdict) == ([], "ok")


def test_only_a_cadre_says_and_reads_how_an_elder_is_and_only_after_they_have_talked(session, cast):
    call = booked(session, cast)
    with pytest.raises(Refused, match="wrong_state"):
        tick(session, cast.who(cast.li), call.id, "ok", AFTER)
    talked(session, cast, call)
    for stranger in (cast.xiaofang, cast.aming, cast.zhao):
        for deed in (lambda who: tick(session, who, call.id, "ok", AFTER), lambda who: tick_of(session, who, call.id)):
            with pytest.raises(Refused, match="not_yours"):
                deed(cast.who(stranger))


# Who has not talked for long.


def names(session, cast, person, now, days=30):
    return [(one.name, one.days) for one in quiet(session, cast.who(person), now, days)]


def test_who_has_not_talked_for_long_is_seen_below_ones_own_areas_only(session, cast):
    child = Person(name="小明", area_id=cast.village.id, left_behind="child", created_at=NOW)
    alone = Person(name="没有家人", area_id=cast.village.id, created_at=NOW)
    session.add_all([child, alone])
    session.flush()
    assert names(session, cast, cast.li, NOW) == [("王秀英", None), ("小明", None)]
    call = booked(session, cast)
    assert names(session, cast, cast.li, NOW) == [("小明", None)]  # she will talk on Sunday
    talked(session, cast, call)
    assert names(session, cast, cast.li, AFTER + 30 * DAY) == [("小明", None)]
    assert names(session, cast, cast.li, AFTER + 31 * DAY) == [("小明", None), ("王秀英", 31)]
    assert [name for name, _ in names(session, cast, cast.chen, NOW)] == ["小明"]
    assert names(session, cast, cast.zhao, NOW) == [("周大山", None)]
    assert names(session, cast, cast.aming, NOW) == []


def test_a_missed_call_is_no_talk_and_who_wants_no_calls_is_left_alone(session, cast):
    call = booked(session, cast)
    report(session, cast.who(cast.li), call.id, "technical_failure", AFTER, AFTER)
    assert names(session, cast, cast.li, AFTER) == [("王秀英", None)]
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", AFTER)
    take_back(session, cast.who(cast.li), cast.wangnainai.id, "family_calls", AFTER)
    assert names(session, cast, cast.li, AFTER) == []


def test_once_a_month_on_the_first_working_morning_each_village_hears_how_many(session, cast):
    early = datetime(2027, 2, 1, 8, 29, tzinfo=CHINA)  # a Monday
    assert tell_quiet(session, early) == 0
    assert tell_quiet(session, early + timedelta(minutes=1)) == 2
    assert tell_quiet(session, early + timedelta(minutes=2)) == 0
    letters = session.scalars(select(Letter).where(Letter.kind == "family.quiet")).all()
    assert {(one.person_id, one.facts["many"]) for one in letters} == {(cast.li.id, 1), (cast.zhao.id, 1)}
    assert "王秀英" not in str([one.facts for one in letters])
    assert tell_quiet(session, early + 20 * DAY) == 0  # also where the clock was down on that day, but once
    assert tell_quiet(session, early + 30 * DAY) == 2


# Pairs.


def paired(session, cast, helper=None, days=7):
    return pair(session, cast.who(cast.li), (helper or cast.li).id, cast.wangnainai.id, days, NOW)


def test_an_overdue_pair_becomes_the_cadres_task_once_and_a_contact_ends_it(session, cast):
    found = paired(session, cast)
    assert ask_overdue(session, NOW + 7 * DAY) == 0
    late = NOW + 7 * DAY + timedelta(minutes=1)
    assert (ask_overdue(session, late), ask_overdue(session, late + DAY)) == (1, 0)
    (task,) = tasks(session, "pairing_due")
    assert (task.assignee_id, task.person_id) == (cast.li.id, cast.wangnainai.id)
    with pytest.raises(Refused, match="decided_elsewhere"):
        finish(session, cast.who(cast.li), task.id, late)
    touch(session, cast.who(cast.li), found.id, "visit", late, late)
    assert tasks(session, "pairing_due") == []
    assert (ask_overdue(session, late + 7 * DAY), ask_overdue(session, late + 8 * DAY)) == (0, 1)


def test_a_volunteer_hears_of_it_and_the_village_has_the_task(session, cast):
    found = paired(session, cast, cast.laoxu)
    ask_overdue(session, NOW + 8 * DAY)
    (task,) = tasks(session, "pairing_due")
    assert task.assignee_id is None
    told = session.scalars(select(Letter.kind).where(Letter.person_id == cast.laoxu.id).order_by(Letter.id)).all()
    assert told == ["family.paired", "family.pairing_due"]
    assert [one.pairing.id for one in pairs_of(session, cast.who(cast.laoxu))] == [found.id]
    assert pairs_of(session, cast.who(cast.zhao), below=True) == []


@pytest.mark.case("I9")
def test_the_latest_contact_counts_and_not_the_latest_telling(session, cast):
    found, me = paired(session, cast, cast.laoxu), cast.who(cast.laoxu)
    touch(session, me, found.id, "phone", NOW + 3 * DAY, NOW + 3 * DAY)
    touch(session, me, found.id, "visit", NOW + DAY, NOW + 4 * DAY)
    assert found.last_at == NOW + 3 * DAY
    assert [line.means for line in contacts_of(session, found.id)] == ["phone", "visit"]
    for at in (NOW + 5 * DAY, NOW - 2 * DAY):
        with pytest.raises(Refused, match="bad_time"):
            touch(session, me, found.id, "visit", at, NOW + 4 * DAY)


def test_who_has_moved_away_since_they_were_read_is_paired_with_nobody(session, cast):
    assert session.get_one(Person, cast.laoxu.id).state == "active"
    session.execute(update(Person.__table__).where(Person.id == cast.laoxu.id).values(state="moved"))
    with pytest.raises(Refused, match="no_helper"):
        paired(session, cast, cast.laoxu)


def test_whom_a_cadre_pairs_holds_an_office_and_strangers_pair_nobody(session, cast):
    for helper, code in ((cast.aming, "no_helper"), (cast.wangnainai, "own_link")):
        with pytest.raises(Refused, match=code):
            paired(session, cast, helper)
    with pytest.raises(Refused, match="bad_rhythm"):
        paired(session, cast, days=5)
    for stranger in (cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            pair(session, cast.who(stranger), cast.laoxu.id, cast.wangnainai.id, 7, NOW)
    found = paired(session, cast, cast.laoxu)
    assert paired(session, cast, cast.laoxu, 30).id == found.id
    with pytest.raises(Refused, match="not_yours"):
        touch(session, cast.who(cast.xiaofang), found.id, "visit", NOW, NOW)
    part(session, cast.who(cast.laoxu), found.id, NOW)
    part(session, cast.who(cast.laoxu), found.id, NOW)
    assert (found.state, paired(session, cast, cast.laoxu).id != found.id) == ("parted", True)


@pytest.mark.case("B10")
def test_nobody_is_asked_to_look_in_on_who_has_died(session, cast):
    found = paired(session, cast)
    ask_overdue(session, NOW + 8 * DAY)
    mark(session, cast.who(cast.li), cast.wangnainai.id, "die", NOW + 9 * DAY)
    assert (found.state, tasks(session, "pairing_due")) == ("parted", [])
    assert ask_overdue(session, NOW + 30 * DAY) == 0


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_two_clocks_ask_once(open_session, cast):
    with open_session() as session, session.begin():
        paired(session, cast, cast.laoxu)

    def ask(_):
        with open_session() as session, session.begin():
            return ask_overdue(session, NOW + 8 * DAY)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(ask, range(4))) == 1
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(Task).where(Task.kind == "pairing_due")) == 1


# News from home.


def agreed(session, cast):
    consent.agree(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)


def test_news_go_to_confirmed_relatives_with_consent_once_a_month_and_say_nothing_in_the_letter(session, cast):
    li, wang = cast.who(cast.li), cast.wangnainai.id
    with pytest.raises(Refused, match="news_consent"):
        write(session, li, wang, "挺好的", NOW)
    agreed(session, cast)
    other = sister(session, cast)
    news = write(session, li, wang, "今天在院子里晒太阳", NOW)
    letters = session.scalars(select(Letter).where(Letter.kind == "family.news")).all()
    assert {letter.person_id for letter in letters} == {cast.xiaofang.id, other.id}
    assert "太阳" not in str([letter.facts for letter in letters])
    assert news_for(session, cast.who(cast.xiaofang), news.id).text == "今天在院子里晒太阳"
    with pytest.raises(Refused, match="news_this_month"):
        write(session, cast.who(cast.chen), wang, "又一封", datetime(2026, 11, 30, 23, 59, tzinfo=CHINA))
    assert write(session, li, wang, "下个月的", datetime(2026, 12, 1, 0, 1, tzinfo=CHINA)).month == "2026-12"
    assert [one.month for one in news_of(session, cast.who(cast.xiaofang))] == ["2026-12", "2026-11"]


def test_a_stranger_a_revoked_relative_and_another_villages_cadre_read_and_write_nothing(session, cast):
    agreed(session, cast)
    news = write(session, cast.who(cast.li), cast.wangnainai.id, "挺好的", NOW)
    with pytest.raises(Refused, match="not_yours"):
        write(session, cast.who(cast.zhao), cast.wangnainai.id, "x", NOW)
    session.scalars(select(CareLink)).one().state = "revoked"
    session.flush()
    for stranger in (cast.aming, cast.zhao, cast.xiaofang):
        with pytest.raises(Refused, match="not_yours"):
            news_for(session, cast.who(stranger), news.id)
        assert news_of(session, cast.who(stranger)) == []
    with pytest.raises(Refused, match="nobody_to_tell"):
        write(session, cast.who(cast.li), cast.wangnainai.id, "挺好的", NOW + 30 * DAY)


def test_consent_taken_back_stops_what_was_not_said_and_hides_what_was(session, cast):
    agreed(session, cast)
    news = write(session, cast.who(cast.li), cast.wangnainai.id, "挺好的", NOW)
    take_back(session, cast.who(cast.li), cast.wangnainai.id, "home_news", NOW)
    assert set(session.scalars(select(Letter.state).where(Letter.kind == "family.news"))) == {"withdrawn"}
    with pytest.raises(Refused, match="not_yours"):
        news_for(session, cast.who(cast.xiaofang), news.id)
    with pytest.raises(Refused, match="news_consent"):
        write(session, cast.who(cast.li), cast.wangnainai.id, "挺好的", NOW + 30 * DAY)


# A photo with them.

PHOTO = Attached("image", "media-1")


def with_photo(session, cast, now=NOW):
    """News with a photo that lies in the folder."""
    agreed(session, cast)
    agree(session, cast.who(cast.li), cast.wangnainai.id, "photos", now)
    found = write(session, cast.who(cast.li), cast.wangnainai.id, "今天晒了太阳", now, PHOTO)
    (photo,) = media_of(session, found.subject)
    settle_media(session, photo.id, Kept("jpg", 7), now)
    return found, photo


def test_a_photo_is_written_with_consent_to_it_only_and_is_a_picture(session, cast):
    agreed(session, cast)
    li = cast.who(cast.li)
    with pytest.raises(Refused, match="photo_consent"):
        write(session, li, cast.wangnainai.id, "今天晒了太阳", NOW, PHOTO)
    agree(session, li, cast.wangnainai.id, "photos", NOW)
    for wrong in (Attached("voice", "media-1"), Attached("image", "")):
        with pytest.raises(Refused, match="no_media"), session.begin_nested():
            write(session, li, cast.wangnainai.id, "今天晒了太阳", NOW, wrong)
    found = write(session, li, cast.wangnainai.id, "今天晒了太阳", NOW, PHOTO)
    assert photo_of(session, found).state == "waiting"
    assert not send_photo(session, cast.who(cast.xiaofang), found, "https://x/m/family/news/1", NOW)  # it is on its way
    with pytest.raises(Refused, match="news_this_month"):
        write(session, li, cast.wangnainai.id, "又一封", NOW, PHOTO)


@pytest.mark.case("L1")
def test_a_photo_is_seen_by_who_may_read_the_news_and_sent_to_each_once(session, cast):
    found, photo = with_photo(session, cast)
    me = cast.who(cast.xiaofang)
    assert photo_for(session, me, found.id, photo.id).id == photo.id
    other = keep(session, "need:1", Brought("image", "jpg", 7, "e" * 32), NOW)
    for who, key in ((cast.aming, photo), (cast.zhao, photo), (cast.li, photo), (cast.xiaofang, other)):
        with pytest.raises(Refused, match="not_yours"):
            photo_for(session, cast.who(who), found.id, key.id)
    assert [send_photo(session, me, found, "https://x/m/family/news/1", NOW) for _ in range(2)] == [True, False]
    (letter,) = session.scalars(select(Letter).where(Letter.kind == "family.photo")).all()
    assert (letter.person_id, letter.channel, letter.facts["file"]) == (
        cast.xiaofang.id,
        "customer_service",
        photo.file,
    )


@pytest.mark.parametrize("kind", ["photos", "home_news"])
def test_consent_taken_back_hides_the_photo_and_stops_what_was_to_be_sent(session, cast, kind):
    found, photo = with_photo(session, cast)
    me = cast.who(cast.xiaofang)
    send_photo(session, me, found, "https://x/m/family/news/1", NOW)
    take_back(session, cast.who(cast.li), cast.wangnainai.id, kind, NOW)
    with pytest.raises(Refused, match="not_yours"):
        photo_for(session, me, found.id, photo.id)
    assert session.scalars(select(Letter.state).where(Letter.kind == "family.photo")).all() == ["withdrawn"]
    if kind == "photos":  # the words may still be read
        assert news_for(session, me, found.id).id == found.id
        assert photo_of(session, found) is None


def test_a_photo_that_is_kept_no_longer_is_none_and_nobody_has_to_phone_about_one(session, cast):
    found, photo = with_photo(session, cast)
    send_photo(session, cast.who(cast.xiaofang), found, "https://x/m/family/news/1", NOW)
    letter = session.scalars(select(Letter).where(Letter.kind == "family.photo")).one()
    assert hand_over(session, letter, NOW) is None
    assert media_gone(session, photo.id, NOW)
    assert photo_of(session, found) is None
    with pytest.raises(Refused, match="not_yours"):
        photo_for(session, cast.who(cast.xiaofang), found.id, photo.id)


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_of_two_who_write_at_once_one_does(open_session, cast):
    with open_session() as session, session.begin():
        agreed(session, cast)

    def do(n):
        with open_session() as session:
            try:
                with session.begin():
                    write(session, cast.who(cast.li), cast.wangnainai.id, f"第{n}封", NOW)
            except Refused as refusal:
                return refusal.code
        return "done"

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(do, range(4))) == ["done"] + ["news_this_month"] * 3
    with open_session() as session:
        assert session.scalar(select(func.count()).select_from(HomeNews)) == 1


# The sheet, and who was told.


def test_the_sheet_holds_the_day_in_order_whom_to_phone_and_who_was_told(session, cast):
    second = booked(session, cast, SUNDAY_16 + timedelta(minutes=30), "k2")
    first = booked(session, cast, SUNDAY_16 - timedelta(hours=6), "k1")
    off = booked(session, cast, SUNDAY_16 - timedelta(hours=5), "k3")
    cancel(session, cast.who(cast.xiaofang), off.id, "临时有事", NOW)
    lines = day_sheet(session, cast.who(cast.li), SUNDAY_16.date())
    assert [line.call_id for line in lines] == [first.id, second.id]
    assert [way.means for way in lines[0].ways] == ["visit"]
    tell_in_person(session, cast.who(cast.li), first.id, "visit", NOW)
    lines = day_sheet(session, cast.who(cast.chen), SUNDAY_16.date())
    assert (lines[0].told_by, lines[0].told_at) == ("李站长", NOW)
    assert [line.call_id for line in to_phone(lines)] == [second.id]
    text = as_text(SUNDAY_16.date(), lines)
    assert "1. 10:00–10:30 葛山村王秀英 与小芳" in text
    assert "马德里09:30" in str(cells(lines[1], shown=True))
    for stranger in (cast.zhao, cast.xiaofang, cast.aming):
        assert day_sheet(session, cast.who(stranger), SUNDAY_16.date()) == []
    assert day_sheet(session, cast.who(cast.li), date(2026, 11, 30)) == []


def test_after_a_change_the_elder_has_to_be_told_anew(session, cast):
    call, li = booked(session, cast), cast.who(cast.li)
    told = tell_in_person(session, li, call.id, "phone", NOW)
    assert tell_in_person(session, cast.who(cast.chen), call.id, "visit", NOW + DAY).id == told.id  # who was first
    assert (told.by_id, told.at, told.means) == (cast.li.id, NOW, "phone")
    move(session, cast.who(cast.xiaofang), call.id, SUNDAY_16 + DAY, NOW)
    assert telling_of(session, call) is None
    assert tell_in_person(session, li, call.id, "visit", NOW).revision == 1
    with pytest.raises(Refused, match="not_yours"):
        tell_in_person(session, cast.who(cast.xiaofang), call.id, "visit", NOW)
    talked(session, cast, session.get_one(FamilyCall, call.id), AFTER + DAY)
    with pytest.raises(Refused, match="wrong_state"):
        tell_in_person(session, li, call.id, "visit", AFTER + DAY)


def test_pairs_of_nobody_are_none(session, cast):
    assert session.scalars(select(Pairing)).all() == []
    assert pairs_of(session, cast.who(cast.li), below=True) == []
