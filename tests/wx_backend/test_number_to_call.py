"""There is always a number to call: the centre's, that of the nearest above, or the county's own."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from models.hours import CHINA
from models.messages.letters import Letter
from models.ordering.news import facts_for
from models.places.centres import ServiceCentre, phone_for
from models.tasks.desk import open_task
from tests.models.family.test_calls import booked
from tests.models.ordering.test_dispatch import ordered
from tests.world import NOW
from wx_backend.config import EXAMPLE, load_config
from wx_backend.hands import make_postman, make_templates
from wx_backend.speech import WORDS
from wx_backend.wechat.templates import BadField, fit

CONFIG = load_config(EXAMPLE, {"WX_BACKEND_APP__HOTLINE": "0578-12345"})
ABOUT = {
    "family": {"starts_at": NOW.isoformat(), "cared": "王秀英", "relative": "小芳", "relative_zone": "Europe/Madrid",
               "centre": "葛山村", "role": "relative", "by": "小芳", "guest": "阿明", "phone": ""},
    "tasks": {"kind": "phone_call", "due_at": NOW.isoformat(), "person": "王秀英", "phone": "",
              "items": [{"task": 1, "kind": "order_new", "due_at": NOW.isoformat()}]},
    "ordering": {"number": "1", "service": "爱心送餐", "beneficiary": "王秀英", "preferred_at": NOW.isoformat(),
                 "centre": "葛山村", "phone": ""},
}  # fmt: skip
KINDS = [
    "family.booked", "family.changed", "family.cancelled", "family.reminder", "family.invited", "family.left",
    "family.uninvited", "tasks.assigned", "tasks.digest", "tasks.escalated",
]  # fmt: skip


@pytest.mark.parametrize("kind", [*KINDS, "ordering.accepted", "ordering.stop", "ordering.on_the_way"])
def test_a_letter_of_a_place_without_a_number_names_the_countys_and_fits_its_template(kind):
    postman, facts = make_postman(CONFIG, lambda: NOW, {}), ABOUT[kind.partition(".")[0]]
    wording = postman.wording(kind, facts, ZoneInfo("Europe/Madrid"))
    template = make_templates(CONFIG)[wording.template]
    data = fit(template, wording.fields)
    if "contact" in template.fields:
        assert data[template.fields["contact"]] == {"value": "0578-12345"}
    if not kind.startswith("tasks."):
        assert "0578-12345" in wording.text
    own = postman.wording(kind, {**facts, "phone": "0578-999"}, CHINA)
    assert "0578-12345" not in str((own.fields, own.text))


@pytest.mark.parametrize("kind", KINDS)
def test_without_it_wechat_would_refuse_the_field(kind):
    wording = WORDS[kind.partition(".")[0]](kind, ABOUT[kind.partition(".")[0]], CHINA)
    with pytest.raises(BadField, match="contact"):
        fit(make_templates(CONFIG)[wording.template], wording.fields)


def test_a_centre_without_a_number_names_that_of_the_nearest_above(session, cast):
    session.get_one(ServiceCentre, cast.centre.id).phone = ""
    above = ServiceCentre(code="T1", name="鸬鹚乡中心", area_id=cast.township.id, phone="0578-5550300")
    county = ServiceCentre(code="X1", name="县中心", area_id=cast.county.id, phone="0578-5550400")
    session.add_all([above, county])
    session.flush()
    booked(session, cast)
    letters = session.scalars(select(Letter).where(Letter.kind.startswith("family."))).all()
    assert {letter.facts["phone"] for letter in letters} == {"0578-5550300"}
    assert facts_for(session, ordered(session, cast))["phone"] == "0578-5550300"
    task = open_task(
        session, key="t", kind="order_new", area_id=cast.grid.id, subject="order:9", facts={}, now=NOW,
        due_at=NOW + timedelta(days=1),
    )  # fmt: skip
    assert task.facts["phone"] == "0578-5550300"
    assert phone_for(session, cast.other_township.path) == "0578-5550400"
    county.phone = above.phone = ""
    session.flush()
    assert phone_for(session, cast.village.path) == ""
