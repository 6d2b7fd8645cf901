"""An item that another clerk leaves out at this very moment: no need is put under it, to be told of never."""

from models.ordering.demands import add_item, draft_of
from models.ordering.needs import NeedSubmission
from models.ordering.publishing import drop
from models.ordering.triage import adopt
from tests.models.family.in_turn import one_waits
from tests.models.ordering.voicing import says
from tests.world import NOW


def test_of_two_clerks_who_leave_an_item_out_and_adopt_under_it_the_second_is_refused(open_session, engine, cast):
    chen = cast.who(cast.chen)
    with open_session() as session, session.begin():
        draft = draft_of(session, chen, cast.township.id, "left_behind", NOW)
        item = add_item(session, chen, draft.id, "老年食堂", "meal", NOW).id
        need = says(session, cast.who(cast.aming)).id

    def adopts(session):
        return adopt(session, chen, need, item, NOW).state

    with one_waits(open_session, engine, adopts) as (first, answer):
        drop(first, chen, item, NOW)
    assert answer() == "not_yours"
    with open_session() as session:
        left = session.get_one(NeedSubmission, need)
        assert (left.state, left.demand_id) == ("received", None)
