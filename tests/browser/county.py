"""A township with something on every page: served with its pages and its desk, for browsers that are let in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from models.family.call_days import calls_on
from models.family.news import write
from models.family.pairing import pair, touch
from models.messages.media import Brought, keep
from models.ordering.assignments import Assignment
from models.ordering.demands import add_item, draft_of
from models.ordering.dispatch import accept, complete
from models.ordering.placing import give_up, place
from models.ordering.publishing import publish
from models.ordering.review import submit
from models.ordering.triage import adopt, merge
from models.ordering.versions import edit
from models.ordering.visiting import name_person
from models.ordering.waiting import WaitlistEntry
from models.people import guardians
from models.people.care import CareLink
from models.people.consent import agree
from models.people.identities import Identity
from models.people.persons import Person
from models.people.staff import StaffRole
from tests.cast import APP_ID, Cast, settle
from tests.desk import give_account
from tests.gate import close_app, config_for
from tests.models.family.serial import calls_of_hers
from tests.models.family.test_call_days import families, made
from tests.models.ordering.voicing import calls, lives, says
from tests.own_phone import with_a_phone
from tests.visitors import Browser
from tests.world import NOW, Databases, disposing, served
from wx_backend.app import create_app
from wx_backend.database import make_engine, session_factory
from wx_backend.demo.cast import accounts
from wx_backend.sandbox.server import Running, create_sandbox, start_in_thread
from wx_backend.sandbox.world import Phone

SAID = "我妈妈眼睛不好，家里的灯又坏了两个，晚上上厕所怕摔跤，想请人来看看线路，顺便装一个亮一点的灯。"

PHOTO = "c" * 32  # its name in the media folder


@dataclass
class County:
    """Where it is served, the keys of what stands in it by name, and the way in for one of the cast."""

    url: str
    app: Flask
    people: dict[str, int]
    keys: dict[str, int]
    far_end: Running
    cookies: dict[str, str] = field(default_factory=dict)

    def cookie(self, name: str) -> str:
        """The cookie of a browser that WeChat has let in as this one of the cast."""
        if name not in self.cookies:
            openid = f"o-{self.people[name]}"
            self.far_end.world.phones[openid] = Phone(openid, openid)
            visitor = Browser(self.app.test_client(), self.far_end, openid)
            assert visitor.enters().status_code == 303
            cookie = visitor.client.get_cookie("page")
            assert cookie is not None
            self.cookies[name] = cookie.value
        return self.cookies[name]


@contextmanager
def county(databases: Databases, folder: Path) -> Iterator[County]:
    """The township, served on a free port until the block ends."""
    Image.new("RGB", (80, 60), (180, 200, 150)).save(folder / PHOTO, "JPEG")
    with databases.fresh("sqlite") as url, disposing(make_engine(url)) as engine:
        config = config_for(url)
        far_end = start_in_thread(create_sandbox(accounts(config, config.app.public_url), [], []))
        config = config_for(url, WX_BACKEND_WECHAT__API_BASE_URL=far_end.url, WX_BACKEND_MEDIA__FOLDER=str(folder))
        with session_factory(engine)() as session, session.begin():
            cast = settle(session, NOW)
            keys = _lived(session, cast)
            with_a_phone(session, cast.wangnainai)
            people = {"xiaofang": cast.xiaofang.id, "laoxu": cast.laoxu.id, "wangnainai": cast.wangnainai.id}
            for identity in session.scalars(select(Identity).where(Identity.app_id == APP_ID)):
                identity.app_id = config.wechat.official_account.app_id
        app = create_app(config, now=lambda: NOW)
        with served(make_server("127.0.0.1", 0, app, threaded=True)) as address:
            yield County(address, app, people, keys, far_end)
        close_app(app)
        far_end.stop()


def _lived(session: Session, cast: Cast) -> dict[str, int]:
    """What has happened there."""
    session.add(StaffRole(person_id=cast.chen.id, role="county_admin", area_id=cast.county.id, since=NOW))
    give_account(session, cast.chen.id, "chen")
    return {
        **_ordered(session, cast), **_told(session, cast), **_waits(session, cast), **calls_of_hers(session, cast),
        **_sit(session, cast), **_cared_for(session, cast), "pair": _paired(session, cast),
        "person": cast.wangnainai.id,
    }  # fmt: skip


def _sit(session: Session, cast: Cast) -> dict[str, int]:
    """Two families on a call day."""
    families(session, cast, 2)
    day = made(session, cast)
    return {"call_day": day.id, "seat": calls_on(session, day.id)[0].id}


def _cared_for(session: Session, cast: Cast) -> dict[str, int]:
    """A child with its guardian's word, news of the grandmother, and another relative who still waits."""
    xiaofang = cast.who(cast.xiaofang)
    child = Person(name="小宝", area_id=cast.village.id, created_at=NOW, born=date(2017, 5, 1), left_behind="child")
    session.add(child)
    session.flush()
    session.add(CareLink(relative_id=xiaofang.person_id, cared_id=child.id, kinship="母亲", state="confirmed",
                         asked_at=NOW, guardian=True))  # fmt: skip
    session.add(CareLink(relative_id=xiaofang.person_id, cared_id=cast.grandpa.id, kinship="邻居", asked_at=NOW))
    session.flush()
    guardians.agree(session, xiaofang, child.id, xiaofang.person_id, "wechat", NOW)
    first = select(CareLink.id).where(CareLink.cared_id == cast.wangnainai.id)
    return {"child": child.id, "letter": _wrote(session, cast), "me": xiaofang.person_id,
            "link": session.scalars(first).one()}  # fmt: skip


def _wrote(session: Session, cast: Cast) -> int:
    """News of the grandmother with her photo."""
    li = cast.who(cast.li)
    for kind in ("home_news", "photos"):
        agree(session, li, cast.wangnainai.id, kind, NOW)
    news = write(session, li, cast.wangnainai.id, "王奶奶这个月气色很好，自己种的菜都长出来了，天天去晒太阳。", NOW)
    keep(session, news.subject, Brought("image", "jpg", 10, PHOTO), NOW)
    return news.id


def _paired(session: Session, cast: Cast) -> int:
    xu = pair(session, cast.who(cast.li), cast.laoxu.id, cast.wangnainai.id, 14, NOW - timedelta(days=20))
    touch(
        session, cast.who(cast.laoxu), xu.id, "visit", NOW - timedelta(days=15), NOW, "王秀英说腰不疼了，想看孙子的照片"
    )
    pair(session, cast.who(cast.li), cast.li.id, cast.wangnainai.id, 30, NOW)
    return xu.id


def _ordered(session: Session, cast: Cast) -> dict[str, int]:
    xiaofang, laoxu = cast.who(cast.xiaofang), cast.who(cast.laoxu)

    def order(key: str, days: int = 2) -> int:
        return place(
            session, xiaofang, listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id, answers={},
            preferred_at=NOW + timedelta(days=days), note="请走后门，按门铃", client_key=key, now=NOW,
        ).id  # fmt: skip

    orders = {name: order(name, days) for name, days in (("new", 2), ("coming", 0), ("done", 3), ("unmet", 4))
              if name != "coming"}  # fmt: skip
    orders["coming"] = place(
        session, xiaofang, listing_id=cast.haircut.id, beneficiary_id=cast.wangnainai.id, answers={}, note="",
        preferred_at=NOW + timedelta(hours=5), client_key="coming", now=NOW,
    ).id  # fmt: skip
    jobs = dict(session.execute(select(Assignment.order_id, Assignment.id)).all())
    for name in ("coming", "done"):
        accept(session, laoxu, jobs[orders[name]], NOW)
    visit = name_person(session, laoxu, jobs[orders["coming"]], cast.ama.id, now=NOW,
                        starts_at=NOW + timedelta(hours=5))  # fmt: skip
    complete(session, laoxu, jobs[orders["done"]], NOW)
    give_up(session, cast.who(cast.li), orders["unmet"], "太远了", NOW, "too_far")
    version = edit(session, cast.who(cast.li), cast.meal.id, {"title": "热饭上门", "summary": "每天中午"}, now=NOW)
    submit(session, cast.who(cast.li), version.id, NOW)
    return {**orders, "job": jobs[orders["new"]], "taken": jobs[orders["coming"]], "visit": visit.id,
            "version": version.id}  # fmt: skip


def _told(session: Session, cast: Cast) -> dict[str, int]:
    xiaofang, chen = cast.who(cast.xiaofang), cast.who(cast.chen)
    first = says(session, xiaofang, "村里想要一个老年食堂，中午有热饭吃", cast.wangnainai, channel="page")
    for name in ("吴阿婆", "林大爷"):
        alike = says(session, lives(session, name, cast.village), "想要老年食堂，中午吃热饭", channel="chat")
        merge(session, chen, alike.id, first.id, NOW)
    shown = says(session, xiaofang, SAID, cast.wangnainai, channel="page")
    keep(session, shown.subject, Brought("image", "jpg", 10, "a" * 32), NOW)
    keep(session, shown.subject, Brought("voice", "amr", 10, "b" * 32), NOW)
    says(session, cast.who(cast.aming), "想学做豆腐", channel="page", anonymous=True)
    out = draft_of(session, chen, cast.township.id, "left_behind", NOW)
    titles = (("老年食堂，中午供应热饭", "meal"), ("有人陪着去县医院看病", "medical"), ("每月一次磨刀", "cleaning"))
    items = [add_item(session, chen, out.id, title, kind, NOW).id for title, kind in titles]
    adopt(session, chen, first.id, items[0], NOW)
    publish(session, chen, out.id, NOW)
    draft = draft_of(session, chen, cast.township.id, "left_behind", NOW)
    help_ = calls(session, xiaofang, SAID, cast.wangnainai, channel="page")
    burning = calls(session, xiaofang, "厨房着火了", cast.wangnainai, channel="page")
    secrets = [calls(session, xiaofang, "婆媳吵架", cast.wangnainai, confidential=True), says(
        session, cast.who(cast.aming), "家里困难", confidential=True)]  # fmt: skip
    gone = Person(name="孙干事", area_id=cast.township.id, created_at=NOW)
    session.add(gone)
    session.flush()
    secrets[0].holder_id = gone.id
    return {"secret": secrets[0].id, "need": shown.id, "merged": first.id, "call": help_.id, "burning": burning.id,
            "list": draft.id, "published": out.id}  # fmt: skip


def _waits(session: Session, cast: Cast) -> dict[str, int]:
    def entry(person: Any, number: int, **more: Any) -> WaitlistEntry:
        return WaitlistEntry(
            key="places/1", holder=f"p/{number}", listing_id=cast.meal.id, centre_id=cast.centre.id, places=2,
            warned=[], requested_by_id=cast.xiaofang.id, beneficiary_id=person.id, answers={}, created_at=NOW,
            preferred_at=NOW + timedelta(days=2, hours=number), **more,
        )  # fmt: skip

    offered = entry(cast.wangnainai, 1, state="offered", held=2, answer_by=NOW + timedelta(hours=2))
    waiting = entry(cast.xiaofang, 2)
    session.add_all((offered, waiting))
    session.flush()
    return {"offered": offered.id, "waiting": waiting.id}
