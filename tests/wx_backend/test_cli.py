"""The command line says something a newcomer understands, and refuses in one line."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from models.ordering.demands import add_item, draft_of
from models.ordering.publishing import publish
from models.ordering.triage import adopt
from models.register import LIVES
from tests.models.ordering.voicing import says
from tests.world import NOW
from wx_backend.cli import main
from wx_backend.config import EXAMPLE
from wx_backend.demo.stage import stage_aside
from wx_backend.wechat.menu import AnotherMenu


def run(*words: str, **environ: str):
    return CliRunner().invoke(main, ["--config", str(EXAMPLE), *words], env=environ, catch_exceptions=False)


def test_routes_names_every_address_with_what_it_answers_and_the_words_that_lead_there():
    out = run("routes").output
    assert "order/new/<int:listing>/<int:person>" in out
    assert "“点单”" in out
    assert "templatesendjobfinish" in out
    assert all(len(line.split(maxsplit=2)) == 3 for line in out.splitlines() if line)


def test_flows_draws_every_life():
    out = run("flows").output
    assert out.count("stateDiagram-v2") == len(LIVES)


def test_the_database_is_upgraded_the_county_loaded_and_doctor_says_how_things_are(tmp_path: Path):
    environ = {
        "WX_BACKEND_DATABASE__URL": f"sqlite:///{tmp_path}/a.db",
        "WX_BACKEND_WECHAT__API_BASE_URL": "http://127.0.0.1:9",
    }
    sick = run("doctor", **environ)
    assert sick.exit_code == 1
    assert "wx-backend db upgrade" in sick.output
    assert run("db", "upgrade", **environ).exit_code == 0
    assert "nothing is loaded" in run("doctor", **environ).output
    county = str(EXAMPLE.parent / "wx_backend/demo/county.csv")
    assert "persons" in run("load", county, **environ).output
    assert "没有新内容" in run("load", county, **environ).output
    out = run("doctor", **environ).output
    assert "5 centres" in out
    assert "holidays of" in out


def test_the_folder_of_a_new_database_is_made(tmp_path: Path):
    file = tmp_path / "var" / "deep" / "a.db"
    assert run("db", "upgrade", WX_BACKEND_DATABASE__URL=f"sqlite:///{file}").exit_code == 0
    assert file.exists()


def test_a_county_before_its_tables_is_one_line_with_what_to_do_first(tmp_path: Path):
    county = str(EXAMPLE.parent / "wx_backend/demo/county.csv")
    for place in ("a.db", "none/a.db"):
        early = run("load", county, WX_BACKEND_DATABASE__URL=f"sqlite:///{tmp_path}/{place}")
        assert (early.exit_code, "wx-backend db upgrade" in early.output) == (1, True)


def test_a_bad_county_is_refused_with_its_faults(tmp_path: Path):
    environ = {"WX_BACKEND_DATABASE__URL": f"sqlite:///{tmp_path}/a.db"}
    run("db", "upgrade", **environ)
    bad = tmp_path / "bad.csv"
    bad.write_text("[areas]\ncode,name,kind\n1,县,village2\n", encoding="utf-8")
    result = run("load", str(bad), **environ)
    assert result.exit_code == 1
    assert "bad.csv:3" in result.output


@pytest.mark.parametrize("words", [("menu", "diff"), ("menu", "push"), ("templates", "check")])
def test_a_far_end_that_does_not_answer_is_one_line(words):
    result = run(*words, WX_BACKEND_WECHAT__API_BASE_URL="http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "the account d" in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("command", ["serve", "clock"])
def test_serve_and_clock_refuse_the_examples_secrets_on_a_public_address(command):
    result = run(command, WX_BACKEND_APP__PUBLIC_URL="https://example.org")
    assert result.exit_code == 1
    assert "config.example.toml" in result.output


@pytest.mark.parametrize("command", ["demo", "story", "sandbox"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("app.bind", "0.0.0.0:8000"),
        ("app.public_url", "https://centre.example.gov.cn"),
        ("sandbox.bind", "0.0.0.0:8001"),
        ("wechat.api_base_url", "https://api.weixin.qq.com"),
        ("database.url", "postgresql+psycopg://wx@db.example.gov.cn/wx"),
    ],
)
def test_demo_story_and_sandbox_touch_nothing_beyond_this_machine(monkeypatch, tmp_path, command, key, value):
    for touching in ("Stage.prepare", "Stage.start", "Stage.push_menu"):
        monkeypatch.setattr(f"wx_backend.demo.stage.{touching}", lambda *_: pytest.fail("began"))
    monkeypatch.setattr("wx_backend.sandbox.server.bound", lambda *_: pytest.fail("listens"))
    environ = {"WX_BACKEND_DATABASE__URL": f"sqlite:///{tmp_path}/demo.db"}
    result = run(command, **{**environ, f"WX_BACKEND_{key.upper().replace('.', '__')}": value})
    assert result.exit_code == 1
    assert f"{key}: not on this machine" in result.output
    assert not (tmp_path / "demo.db").exists()


def test_a_story_keeps_its_caches_to_itself(monkeypatch, tmp_path):
    monkeypatch.setenv("WX_BACKEND_REDIS__URL", "redis://127.0.0.1:6379/0")
    assert stage_aside(EXAMPLE, tmp_path).config.redis.url == "memory://"


def test_an_account_that_shows_another_menu_than_it_took_is_one_line(monkeypatch):
    def pushed(*_):
        raise AnotherMenu("it shows another menu than the one it has just accepted")

    monkeypatch.setattr("wx_backend.wechat.menu.push", pushed)
    result = run("menu", "push")
    assert result.exit_code == 1
    assert result.output.startswith("Error: the account did not take it: it shows another menu")


@pytest.mark.parametrize("command", ["serve", "clock"])
def test_serve_and_clock_refuse_a_movable_clock(command):
    assert "clock_file" in run(command, WX_BACKEND_SANDBOX__CLOCK_FILE="x.json").output


def test_serve_refuses_more_workers_than_a_cache_in_memory_serves():
    assert "workers" in run("serve", WX_BACKEND_APP__WORKERS="2").output


def test_gaps_says_what_people_need_and_nobody_offers(database_url, open_session, cast):
    environ = {"WX_BACKEND_DATABASE__URL": database_url}
    assert "没有缺口" in run("gaps", **environ).output
    chen = cast.who(cast.chen)
    with open_session() as session, session.begin():
        need = says(session, cast.who(cast.aming), "婆媳吵架", confidential=True)
        draft = draft_of(session, chen, cast.township.id, "away", NOW)
        adopt(session, chen, need.id, add_item(session, chen, draft.id, "家事调解", "other", NOW).id, NOW)
        says(session, cast.who(cast.aming), "想要班车")
        publish(session, chen, draft.id, NOW)
    out = run("gaps", "--area", cast.township.code, **environ).output
    assert "鸬鹚乡 在外人员高频需求清单 第1项 家事调解（其他，1人）" in out
    assert "鸬鹚乡 还没分类 1人" in out
    assert "吵架" not in out
    assert "没有缺口" in run("gaps", "--area", cast.other_township.code, **environ).output
    strange = run("gaps", "--area", "999", **environ)
    assert (strange.exit_code, "没有这个区划代码：999" in strange.output) == (1, True)
