"""A seat out of service, at the staff desk: who sits elsewhere and who has to be decided upon is seen before."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from handlers.places import words
from models.family.calls import FamilyCall
from models.places.cells import occupy
from models.places.outages import StationOutage
from tests.desk import Clerk, give_account
from tests.gate import close_app, config_for
from tests.models.family.test_calls import SUNDAY_16, booked
from tests.models.family.test_shutting import outcomes
from tests.world import NOW
from tests.wx_backend.test_console_closures import fields
from wx_backend.app import create_app

HOUR = timedelta(hours=1)
FORM = {"since": "2026-11-29T13:00", "until": "2026-11-29T17:00", "reason": "设备坏了"}


@pytest.fixture
def calls(cast, open_session):
    """Two calls of one Sunday at the first seat; at the time of the later one the other seat is taken."""
    with open_session() as session, session.begin():
        give_account(session, cast.li.id, "li")
        made = [booked(session, cast, SUNDAY_16 - n * HOUR, f"k{n}").id for n in range(2)]
        occupy(session, [cast.stations[1].resource], SUNDAY_16, SUNDAY_16 + HOUR, "call:99")
        return made


@pytest.fixture
def clerk(database_url, calls):
    app = create_app(config_for(database_url), now=lambda: NOW)
    made = Clerk(app)
    made.signs_in("li")
    yield made
    close_app(app)


def previews(clerk, cast, **form):
    clerk.opens(f"/console/seats/{cast.stations[0].id}")
    return clerk.posts(f"/console/seats/{cast.stations[0].id}/preview", **{**FORM, **form})


def confirms(clerk, cast, sent=None, **chosen):
    return clerk.posts(f"/console/seats/{cast.stations[0].id}/out", **{**(sent or fields(clerk)), **chosen})


@pytest.mark.case("D22")
def test_a_clerk_takes_a_broken_screen_out_and_says_when_it_works_again(clerk, cast, calls, open_session):
    clerk.opens(f"/console/centres/{cast.centre.id}")
    assert f"/console/seats/{cast.stations[0].id}" in clerk.page
    assert previews(clerk, cast).status_code == 200
    assert "还没有停用，也没有通知任何人" in clerk.text()
    assert "换个座位就行的 1个" in clerk.text()
    assert "没有空座位的 1个" in clerk.text()
    assert "王*与小* 2号机" in clerk.text()
    with open_session() as session:
        assert session.scalars(select(StationOutage)).all() == []
        assert set(session.scalars(select(FamilyCall.station_id))) == {cast.stations[0].id}
    answer = confirms(clerk, cast, all="cancel", instead="周三可以再约")
    assert answer.status_code == 303
    with open_session() as session:
        done = outcomes(session, session.scalars(select(StationOutage)).one())
    assert done == {calls[0]: "cancelled", calls[1]: "reseated"}
    clerk.opens(answer.location)
    for told in (words.DONE["outage"], "时间不变，换了座位", "已取消，家人会收到通知", "李站长 登记停用"):
        assert told in clerk.text()
    assert "王秀英" not in clerk.text()
    clerk.opens(f"/console/centres/{cast.centre.id}")
    assert "11月29日（周日）13:00至11月29日（周日）17:00" in clerk.text()
    here = answer.location.partition("?")[0]
    clerk.opens(here)
    back = clerk.posts(f"{here}/mended")
    assert back.status_code == 303
    clerk.opens(back.location)
    assert words.DONE["mended"] in clerk.text()
    assert f'action="{here}/mended"' not in clerk.page


WRONG = (
    {"since": ""}, {"since": "x"}, {"until": "2026-02-30T10:00"}, {"reason": " "}, {"until": "2026-11-29T13:00"},
    {"until": "2026-11-23T13:00"}, {"since": "0001-01-01T00:00"}, {"until": "9999-12-31T23:59"}, {"reason": "\x00"},
)  # fmt: skip
ODD = ({"until": "2026-11-29T17:00\x00"}, {"reason": "坏" * 500}, {"since": "2026-11-29"})


def typed(clerk, cast, form):
    """What is answered to this form before and after it is confirmed."""
    before = previews(clerk, cast, **form).status_code
    clerk.opens(f"/console/seats/{cast.stations[0].id}")
    return before, confirms(clerk, cast, {**FORM, "key": "k", **form}).status_code


def test_what_is_typed_wrong_into_the_form_of_an_outage_is_said_and_changes_nothing(clerk, cast, open_session):
    for form in WRONG:
        assert typed(clerk, cast, form) == (422, 422), form
        with open_session() as session:
            assert session.scalars(select(StationOutage)).all() == [], form


@pytest.mark.parametrize("form", ODD)
def test_what_is_odd_and_still_plain_is_taken_down_once(clerk, cast, open_session, form):
    assert typed(clerk, cast, form) == (200, 303)
    with open_session() as session:
        assert len(session.scalars(select(StationOutage)).all()) == 1


def test_forged_choices_and_a_second_outage_are_refused_and_the_same_form_is_once(clerk, cast, calls, open_session):
    for chosen, status in (({"all": "burn"}, 422), ({"all": "cancel"}, 422), ({"key": ""}, 404)):
        previews(clerk, cast)
        assert confirms(clerk, cast, **chosen).status_code == status, chosen
    previews(clerk, cast)
    sent = fields(clerk)
    first = confirms(clerk, cast, sent, all="keep")
    assert first.status_code == 303
    clerk.opens(f"/console/seats/{cast.stations[0].id}")
    assert confirms(clerk, cast, sent, all="keep").location == first.location
    clerk.opens(f"/console/seats/{cast.stations[0].id}")
    assert confirms(clerk, cast, {**sent, "key": "other"}).status_code == 409
    assert words.REFUSALS["out_already"] in clerk.text()
    assert previews(clerk, cast).status_code == 409
