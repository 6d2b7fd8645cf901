"""Lists of one's own calls, on pages and in the API: as few questions for many calls as for one."""

from datetime import timedelta

import pytest

from models.family.booking import book
from models.family.joining import invite
from models.people.care import CareLink
from models.people.persons import Person
from tests.desk import statements
from tests.mini import api_app, signed_in
from tests.models.family.test_calls import SUNDAY_16, sister
from tests.world import NOW
from wx_backend.database import db

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def elders(open_session, cast):
    """Seven elders of 小芳, each with another relative too."""
    with open_session() as session, session.begin():
        made = []
        for n in range(7):
            elder = Person(name=f"姨{n}", area_id=cast.village.id, left_behind="elder", created_at=NOW)
            session.add(elder)
            session.flush()
            guest = sister(session, cast, n)
            for relative in (cast.xiaofang, guest):
                session.add(CareLink(relative_id=relative.id, cared_id=elder.id, kinship="姨", state="confirmed",
                                     asked_at=NOW))  # fmt: skip
            made.append((elder.id, guest.id))
        return made


def talks(open_session, cast, elders):
    """A call with each of these, with the other relative as a guest."""
    with open_session() as session, session.begin():
        for n, (elder, guest) in enumerate(elders, start=len(elders)):
            call = book(session, cast.who(cast.xiaofang), cared_id=elder, client_key=f"call-with-{elder}", now=NOW,
                        starts_at=SUNDAY_16 + n * timedelta(days=1))  # fmt: skip
            invite(session, cast.who(cast.xiaofang), call.id, guest, NOW)


def asked(app, look):
    with app.app_context():
        engine = db.engine
    with statements(engine) as found:
        assert look().status_code == 200
    return len(found)


def test_the_list_of_the_api(database_url, open_session, cast, elders):
    with api_app(database_url) as app:
        me = signed_in(app, open_session, cast.identities[cast.xiaofang.id])
        talks(open_session, cast, elders[:1])
        few = asked(app, lambda: me.get("calls"))
        talks(open_session, cast, elders[1:])
        assert asked(app, lambda: me.get("calls")) == few
        (*_, last) = me.get("calls").json["data"]["items"]
        assert (last["role"], last["with_name"], last["guests"]) == ("relative", "姨6", ["妹妹6"])


@pytest.mark.parametrize("path", ["/m/calls", "/m/series"])
def test_the_lists_on_pages(pages, open_session, cast, elders, path):
    me = pages.inside(cast.xiaofang)
    talks(open_session, cast, elders[:1])
    few = asked(pages.app, lambda: me.get(path))
    talks(open_session, cast, elders[1:])
    assert asked(pages.app, lambda: me.get(path)) == few
    assert "姨4" in me.get(path).text
