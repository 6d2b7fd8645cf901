"""Signing in at the staff desk: who is let in, how long, and what a browser must never be able to bring along."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from argon2 import Type
from click.testing import CliRunner
from sqlalchemy import select, text, update

from handlers import desk
from models.audit import AuditEntry
from models.people import accounts, desk_sessions, passwords
from models.people.accounts import StaffAccount
from models.people.desk_sessions import DeskSession
from models.people.persons import Person
from models.people.staff import StaffRole, end_role
from models.tasks.tasks import Task
from tests.desk import PASSWORD, Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.tasks.test_desk import opened
from tests.quick import IN_SERVICE
from tests.world import NOW
from wx_backend.app import create_app
from wx_backend.cli import main
from wx_backend.config import EXAMPLE
from wx_backend.now import Clock

MINUTE = timedelta(minutes=1)


class Time:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.at = NOW

    def __call__(self):
        return self.at


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def app(database_url, cast, open_session, time):
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        give_account(session, cast.zhao.id, "zhao")
    made = create_app(config_for(database_url), now=time)
    yield made
    close_app(made)


@pytest.fixture
def clerk(app):
    return Clerk(app)


def verbs(open_session):
    with open_session() as session:
        return list(session.scalars(select(AuditEntry.verb).order_by(AuditEntry.seq)))


def test_whoever_is_not_signed_in_is_asked_to_and_comes_back_to_where_they_wanted_to_go(clerk):
    answer = clerk.opens("/console/orders/", state="open")
    assert answer.status_code == 303
    assert answer.location == "/console/login?next=/console/orders/?state%3Dopen"
    clerk.opens(answer.location)
    back = clerk.posts("/console/login", username="Li ", password=PASSWORD, next="/console/orders/?state=open")
    assert (back.status_code, back.location) == (303, "/console/orders/?state=open")
    assert clerk.opens(back.location).status_code == 200


def test_nobody_is_led_elsewhere_after_signing_in(clerk):
    for elsewhere in (
        "https://evil.example/console/", "//evil.example/console/", "/console/\\evil", "/m/", "javascript:1", "//[", "",
    ):  # fmt: skip
        assert clerk.signs_in("li", next=elsewhere).location == "/console/", elsewhere


def test_a_wrong_password_and_a_name_that_is_none_are_answered_alike(clerk, open_session, monkeypatch):
    checked = []
    monkeypatch.setattr(passwords._HASHER.__class__, "verify", lambda *asked: checked.append(asked) or _no())
    wrong = clerk.signs_in("li", "wrong-horse-battery")
    first = clerk.text()
    unknown = clerk.signs_in("nobody", "wrong-horse-battery")
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert first == clerk.text()
    assert "用户名或密码不对" in first
    assert len(checked) == 2  # the same work for both: nobody can tell them apart by a watch
    assert verbs(open_session) == ["login_failed", "login_failed"]
    with open_session() as session:
        lines = session.scalars(select(AuditEntry)).all()
        assert not any("nobody" in f"{line.subject}{line.detail}" for line in lines)


def _no():
    raise passwords.VerificationError


@pytest.mark.case("S6")
def test_after_five_wrong_tries_at_one_place_the_right_password_waits_there_and_nowhere_else(clerk, app):
    for _ in range(5):
        assert clerk.signs_in("li", "wrong-horse-battery").status_code == 401
    locked = clerk.signs_in("li")
    assert locked.status_code == 429
    assert int(locked.headers["Retry-After"]) <= 900
    assert "15分钟" in clerk.text()
    assert clerk.signs_in("zhao").status_code == 303
    assert Clerk(app, REMOTE_ADDR="10.0.0.9").signs_in("li").status_code == 303


@pytest.mark.case("S6")
@pytest.mark.parametrize("name", ["li", "nobody"])
def test_tries_from_everywhere_lock_a_name_for_a_quarter_of_an_hour_whether_it_is_an_account_or_not(
    app, time, open_session, name
):
    for n in range(accounts.TRIES):
        assert Clerk(app, REMOTE_ADDR=f"10.0.1.{n // 5}").signs_in(name, "wrong-horse-battery").status_code == 401
    other_place = Clerk(app, REMOTE_ADDR="10.0.0.9")
    assert other_place.signs_in(name).status_code == 429
    assert "15分钟" in other_place.text()
    time.at += 15 * MINUTE
    with open_session() as session, session.begin():
        assert accounts.count_attempt(session, name, time.at).locked is False


@pytest.mark.both
@pytest.mark.case("S6")
def test_the_account_itself_counts_whatever_process_is_asked(open_session, cast, app):
    for n in range(accounts.TRIES + 2):
        with open_session() as session, session.begin():
            tried = accounts.count_attempt(session, "li", NOW + n * MINUTE / 10)
        assert tried.locked is (n >= accounts.TRIES)
        assert (tried.kept is None) is (n >= accounts.TRIES)
    with open_session() as session, session.begin():
        again = accounts.count_attempt(session, "li", NOW + 15 * MINUTE)
        assert accounts.admit(session, again, PASSWORD, NOW + 15 * MINUTE) is not None
        assert session.get_one(StaffAccount, again.account_id).failed == 0


@pytest.mark.both
@pytest.mark.case("S6")
def test_tries_at_the_same_moment_cannot_slip_past_the_count(open_session, app):
    together = Barrier(12)
    with open_session() as session, session.begin():
        account = session.scalars(select(StaffAccount).where(StaffAccount.username == "li")).one()
        account.failed, account.failed_since = accounts.TRIES - 5, NOW

    def tries(_):
        together.wait()
        with open_session() as session, session.begin():
            return accounts.count_attempt(session, "li", NOW).kept is not None

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(tries, range(12))) == 5


@pytest.mark.case("S6")
def test_behind_a_proxy_it_is_the_visitor_who_is_counted_and_nobody_is_believed_without_one(database_url, app):
    behind = create_app(config_for(database_url, WX_BACKEND_APP__PROXIES="1"), now=lambda: NOW)
    for made, expected in ((behind, {"10.1.1.1", "10.1.1.2"}), (app, {"127.0.0.1"})):
        seen = set()
        for address in ("10.1.1.1", "10.1.1.2"):
            client = made.test_client()
            with client:
                client.get("/console/login", headers={"X-Forwarded-For": f"6.6.6.6, {address}"})
                seen.add(desk.address())
        assert seen == expected
    close_app(behind)


@pytest.mark.case("S6")
def test_a_name_that_is_no_account_is_locked_like_one(clerk):
    assert [clerk.signs_in("nobody").status_code for _ in range(6)] == [401] * 5 + [429]


@pytest.mark.case("S6")
def test_one_address_cannot_try_the_names_of_a_whole_county(app):
    clerk = Clerk(app, REMOTE_ADDR="10.0.0.7")
    answers = [clerk.signs_in(f"name{n}").status_code for n in range(21)]
    assert answers == [401] * 20 + [429]
    assert Clerk(app, REMOTE_ADDR="10.0.0.8").signs_in("li").status_code == 303


def test_a_session_that_a_stranger_planted_is_never_the_one_that_is_signed_in(app, clerk, open_session):
    clerk.client.set_cookie("desk", "planted-by-a-stranger")
    clerk.signs_in("li")
    first = clerk.holds()
    assert first != "planted-by-a-stranger"
    stranger = Clerk(app)
    stranger.client.set_cookie("desk", "planted-by-a-stranger")
    assert stranger.opens("/console/").status_code == 303
    # Signing in once more rotates the key, and the old one is worth nothing.
    clerk.signs_in("li")
    assert clerk.holds() not in (first, None)
    stranger.client.set_cookie("desk", first)
    assert stranger.opens("/console/").status_code == 303
    with open_session() as session:
        kept = session.scalars(select(DeskSession)).all()
        assert {one.id for one in kept} == {desk_sessions.key_of(key) for key in (first, clerk.holds())}
        assert [one.ended_why for one in kept if one.ended_at] == ["login"]


def test_the_token_of_the_page_before_signing_in_is_worth_nothing_after_it(clerk):
    clerk.opens("/console/login")
    before = clerk.page
    clerk.posts("/console/login", username="li", password=PASSWORD)
    clerk.page = before
    assert clerk.posts("/console/logout").status_code == 400


def test_half_an_hour_without_a_click_and_half_a_day_in_any_case_end_a_session(clerk, time):
    clerk.signs_in("li")
    for _ in range(25):
        time.at += 29 * MINUTE
        if time.at - NOW >= timedelta(hours=12):
            break
        assert clerk.opens("/console/").status_code == 200
    assert clerk.opens("/console/").status_code == 303
    clerk.signs_in("li")
    time.at += 30 * MINUTE
    assert clerk.opens("/console/").status_code == 303


def test_who_signs_out_is_out_with_the_key_too(app, clerk):
    clerk.signs_in("li")
    key = clerk.holds()
    assert clerk.posts("/console/logout").location == "/console/login"
    thief = Clerk(app)
    thief.client.set_cookie("desk", key)
    assert thief.opens("/console/").status_code == 303


@pytest.mark.case("L2")
def test_with_the_role_the_desk_ends_at_once_and_nobody_signs_in_any_more(app, clerk, cast, open_session):
    clerk.signs_in("li")
    with open_session() as session, session.begin():
        (role,) = session.scalars(select(StaffRole).where(StaffRole.person_id == cast.li.id)).all()
        assert end_role(session, role, NOW) is True
        assert end_role(session, role, NOW) is False
    assert clerk.opens("/console/").status_code == 303
    assert clerk.signs_in("li").status_code == 401
    with open_session() as session:
        assert {one.ended_why for one in session.scalars(select(DeskSession))} == {"role"}


@pytest.mark.case("L2")
def test_a_role_that_ended_some_other_way_ends_the_desk_too(clerk, cast, open_session):
    clerk.signs_in("li")
    with open_session() as session, session.begin():
        session.execute(update(StaffRole).where(StaffRole.person_id == cast.li.id).values(ended_at=NOW))
    assert clerk.opens("/console/").status_code == 303


def test_another_password_ends_every_session_but_goes_on_under_a_new_key_here(app, clerk, open_session):
    clerk.signs_in("li")
    elsewhere = Clerk(app)
    elsewhere.signs_in("li")
    key = clerk.holds()
    clerk.opens("/console/password")
    for old, new, again, why in (
        ("wrong", "a-new-and-long-one", "a-new-and-long-one", "现在的密码不对"),
        (PASSWORD, "a-new-and-long-one", "another-long-one", "不一样"),
        (PASSWORD, "short", "short", "至少12位"),
        (PASSWORD, "woaini1314520", "woaini1314520", "太容易猜到"),
        (PASSWORD, PASSWORD, PASSWORD, "和原来的一样"),
    ):
        assert clerk.posts("/console/password", old=old, new=new, again=again).status_code == 422
        assert why in clerk.text()
    done = clerk.posts("/console/password", old=PASSWORD, new="a-new-and-long-one", again="a-new-and-long-one")
    assert done.status_code == 303
    assert clerk.opens(done.location).status_code == 200
    assert "密码已改好" in clerk.text()
    assert clerk.holds() != key
    assert elsewhere.opens("/console/").status_code == 303
    assert "password_changed" in verbs(open_session)
    assert Clerk(app).signs_in("li").status_code == 401
    assert Clerk(app).signs_in("li", "a-new-and-long-one").status_code == 303


@pytest.mark.parametrize(
    ("password", "code"),
    [("elevenchars", "password_short"), ("x" * 129, "password_long"), ("123456789012", "password_common"),
     ("Woaini1314520", "password_common"), ("abababababab", "password_common"), ("zhaoxiaoli2026!", "password_common")],
)  # fmt: skip
def test_bad_passwords_are_refused(password, code):
    with pytest.raises(passwords.Refused, match=code):
        passwords.check_good(password, "zhaoxiaoli")
    passwords.check_good(passwords.made_up(), "zhaoxiaoli")


def test_to_guess_a_password_costs_at_least_what_owasp_asks():
    assert (IN_SERVICE.type, IN_SERVICE.parallelism) == (Type.ID, 1)
    assert (IN_SERVICE.time_cost, IN_SERVICE.memory_cost) == (2, 19 * 1024)


def test_a_password_kept_with_older_parameters_is_kept_anew_when_it_is_used(clerk, open_session, monkeypatch):
    old = passwords.PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash(PASSWORD)
    with open_session() as session, session.begin():
        session.execute(update(StaffAccount).where(StaffAccount.username == "li").values(password_hash=old))
    assert clerk.signs_in("li").status_code == 303
    with open_session() as session:
        kept = accounts.account_named(session, "li")
        assert kept.password_hash != old
        assert passwords.fits(PASSWORD, kept.password_hash)
        assert kept.last_login_at == NOW


@pytest.mark.case("S5")
def test_a_form_without_its_token_changes_nothing(clerk):
    clerk.signs_in("li")
    for path in ("/console/login", "/console/logout", "/console/password"):
        assert clerk.posts(path, token=False, username="li", password=PASSWORD).status_code == 400, path
    assert "刷新" in clerk.text()
    assert clerk.opens("/console/").status_code == 200


def test_over_https_cookies_are_bound_to_this_host_and_pages_are_kept_by_nobody(database_url, app):
    site = "https://centre.example.gov.cn"
    safe = create_app(config_for(database_url, WX_BACKEND_APP__PUBLIC_URL=site), now=lambda: NOW)
    client = safe.test_client()
    page = client.get("/console/login", base_url=site)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.get_data(as_text=True))[1]
    answer = client.post(
        "/console/login", data={"csrf_token": token, "username": "li", "password": PASSWORD},
        base_url=site, headers={"Referer": f"{site}/console/login"},
    )  # fmt: skip
    (cookie,) = (one for one in answer.headers.getlist("Set-Cookie") if one.startswith("__Host-desk="))
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert page.headers["Cache-Control"] == "no-store"
    assert "max-age" in page.headers["Strict-Transport-Security"]
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    close_app(safe)


def test_nothing_on_a_page_needs_what_the_policy_forbids(clerk):
    clerk.signs_in("li")
    for path in ("/console/", "/console/tasks/", "/console/orders/", "/console/residents/", "/console/letters/"):
        clerk.opens(path)
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|https?://", clerk.page), path


# The command line.


def run(database_url, *words, **more):
    environ = {"WX_BACKEND_DATABASE__URL": database_url}
    return CliRunner().invoke(main, ["--config", str(EXAMPLE), *words], env=environ, catch_exceptions=False, **more)


@pytest.fixture
def named(cast, open_session, monkeypatch):
    monkeypatch.setattr(Clock, "__call__", lambda _: NOW)
    with open_session() as session, session.begin():
        for person, code in ((cast.li, "P-LZ"), (cast.wangnainai, "P-WXY"), (cast.chen, "P-CG")):
            session.get_one(Person, person.id).code = code
    return cast


def test_an_operator_makes_an_account_whose_password_is_shown_once_and_changed_first(named, database_url, open_session):
    out = run(database_url, "staff", "add", "chen", "--person", "P-CG").output
    password = re.search("密码：([^（]+)（", out)[1]
    app = create_app(config_for(database_url), now=lambda: NOW)
    clerk = Clerk(app)
    clerk.signs_in("chen", password)
    assert clerk.opens("/console/orders/").location == "/console/password"
    clerk.opens("/console/password")
    assert "请先换一个自己的密码" in clerk.text()
    clerk.posts("/console/password", old=password, new=PASSWORD, again=PASSWORD)
    assert clerk.opens("/console/orders/").status_code == 200
    close_app(app)
    assert verbs(open_session)[0] == "account_added"
    with open_session() as session:
        assert password not in repr([line.detail for line in session.scalars(select(AuditEntry))])


def test_what_cannot_be_is_one_line(named, database_url):
    for words, said in (
        (("staff", "add", "wang", "--person", "P-WXY"), "没有干部岗位"),
        (("staff", "add", "x", "--person", "P-LZ"), "用户名"),
        (("staff", "add", "li", "--person", "P-NO"), "没有编号"),
        (("staff", "reset", "nobody"), "没有账号"),
        (("staff", "end", "P-WXY"), "没有这样的岗位"),
    ):
        result = run(database_url, *words)
        assert result.exit_code == 1
        assert said in result.output


def test_a_reset_opens_the_lock_and_ends_what_was_open_and_a_bad_password_is_refused(named, app, clerk, database_url):
    clerk.signs_in("li")
    for n in range(accounts.TRIES):
        Clerk(app, REMOTE_ADDR=f"10.0.5.{n // 5}").signs_in("li", "wrong-horse-battery")
    assert "太容易猜到" in run(database_url, "staff", "reset", "li", "--stdin", input="123456789012\n").output
    assert clerk.opens("/console/").status_code == 200
    result = run(database_url, "staff", "reset", "li", "--stdin", input="given-by-an-operator\n")
    assert "given-by" not in result.output
    assert clerk.opens("/console/").status_code == 303
    second = create_app(config_for(database_url), now=lambda: NOW)  # the limiter of the first still counts
    assert Clerk(second).signs_in("li", "given-by-an-operator").status_code == 303
    close_app(second)


def test_an_ended_cadre_is_out_and_the_book_says_so(named, app, clerk, cast, database_url, open_session):
    clerk.signs_in("li")
    with open_session() as session, session.begin():
        opened(session, cast, assignee_id=cast.li.id)
    out = run(database_url, "staff", "end", "li").output
    assert "手上的1件任务已退回大家的清单" in out
    with open_session() as session:
        assert session.scalars(select(Task.assignee_id)).one() is None
    assert "已停用李站长的岗位：站点干部（葛山村）" in out
    assert "服务台已退出" in out
    assert clerk.opens("/console/").status_code == 303
    assert verbs(open_session)[-1] == "role_ended"
    assert run(database_url, "staff", "end", "li").exit_code == 1


@pytest.mark.both
@pytest.mark.case("S9")
def test_an_operator_reads_the_book_and_hears_where_it_was_changed(named, app, clerk, database_url, engine):
    clerk.signs_in("li")
    whole = run(database_url, "audit", "verify")
    assert (whole.exit_code, "完整" in whole.output) == (0, True)
    seal = re.search("末条指纹 ([0-9a-f]{64})", whole.output)[1]
    assert run(database_url, "audit", "verify", "--noted", seal).exit_code == 0
    assert "整本日志被重写过" in run(database_url, "audit", "verify", "--noted", "0" * 64).output
    with engine.begin() as connection:
        postgres = engine.dialect.name == "postgresql"
        connection.execute(
            text("DROP TRIGGER audit_no_change ON audit" if postgres else "DROP TRIGGER audit_no_update")
        )
        connection.execute(text("UPDATE audit SET ip = '' WHERE seq = 1"))
    broken = run(database_url, "audit", "verify")
    assert (broken.exit_code, "第1条被改过" in broken.output) == (1, True)


@pytest.mark.parametrize("query", ["done=resent", "done=no_such_thing", "next=//[", "next=http://["])
def test_an_address_that_makes_no_sense_still_leads_to_signing_in(clerk, query):
    assert clerk.opens(f"/console/login?{query}").status_code == 200
