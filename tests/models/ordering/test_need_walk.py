"""Walks over the lives of needs and calls for help: whatever people and clerks do, in whatever order."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from models.errors import Refused
from models.history import History, history_of
from models.messages.letters import Letter
from models.ordering import helping
from models.ordering.demands import DemandItem, add_item, draft_of, items_of
from models.ordering.gaps import gaps
from models.ordering.help import HELP, HelpRequest, help_waiting, notes_of
from models.ordering.needs import NEED, NeedSubmission, needs_waiting
from models.ordering.publishing import publish
from models.ordering.triage import adopt, decline, hand_over, likes, look_at, merge, take_off, unmerge
from models.ordering.voices import people_behind, people_of_demands, voices_of, voices_seen
from models.tasks.tasks import Task
from tests.models.ordering.voicing import calls, joins, lives, says
from tests.world import NOW

MARK = "密语"  # in every confidential text, and nowhere else
WALK = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
number = st.integers(0, 5)
step = st.one_of(
    st.tuples(st.just("say"), number, st.sampled_from(["open", "open", "secret", "nameless"])),
    st.tuples(st.just("merge"), number, number),
    st.tuples(st.just("merge"), number, number),
    st.tuples(st.just("unmerge"), number, number),
    st.tuples(st.just("look"), number, st.sampled_from(["meal", "other", "hardship"])),
    st.tuples(st.just("adopt"), number, number),
    st.tuples(st.just("take_off"), number, number),
    st.tuples(st.just("decline"), number, number),
    st.tuples(st.just("hand_over"), number, number),
    st.tuples(st.just("publish"), number, number),
)


class Township:
    """People who say things, two clerks who gather them, and what the walk itself knows of every voice."""

    def __init__(self, session, cast):
        self.session, self.cast = session, cast
        self.people = [lives(session, name, cast.village) for name in ("甲", "乙", "丙")]
        self.clerks = [cast.who(cast.chen), joins(session, "周干事", cast.township)]
        self.draft = draft_of(session, self.clerks[0], cast.township.id, "away", NOW)
        for title in ("食堂", "班车"):
            add_item(session, self.clerks[0], self.draft.id, title, "meal", NOW)
        self.needs, self.parent = [], {}

    def do(self, verb, first, second):
        who = self.clerks[first % 2]
        if verb == "say":
            return self._say(first, second)
        if verb == "publish":
            return publish(self.session, who, self.draft.id, NOW)
        if not self.needs:
            return None
        need = self.needs[first % len(self.needs)]
        if verb == "merge":
            return self._merge(who, need, self.needs[second % len(self.needs)])
        if verb == "unmerge":
            return self._unmerge(who, need)
        return {
            "look": lambda: look_at(self.session, who, need.id, second, NOW),
            "adopt": lambda: adopt(self.session, who, need.id, self._items()[second % 2].id, NOW),
            "take_off": lambda: take_off(self.session, who, need.id, NOW),
            "decline": lambda: decline(self.session, who, need.id, f"{MARK}不行" if need.confidential else "不行", NOW),
            "hand_over": lambda: hand_over(self.session, who, need.id, self.clerks[second % 2].person_id, NOW),
        }[verb]()

    def _say(self, first, how):
        text = f"{MARK}家里的事" if how == "secret" else "村里想要老年食堂"
        more = {"secret": {"confidential": True}, "nameless": {"anonymous": True}}.get(how, {})
        self.needs.append(says(self.session, self.people[first % 3], text, **more))

    def _merge(self, who, need, into):
        if need.state in ("received", "triaged"):
            self._there_and_back(who, need, into)
        merge(self.session, who, need.id, into.id, NOW)
        self.parent[need.id] = into.id

    def _there_and_back(self, who, need, into):
        """Merged and parted again, everything is as it was; only that a clerk has looked stays."""
        if need.state == "received" and not need.category:
            look_at(self.session, who, need.id, into.category or "other", NOW)
        before = self.rows()
        trial = self.session.begin_nested()
        merge(self.session, who, need.id, into.id, NOW)
        unmerge(self.session, who, need.id, NOW)
        assert self.rows() == before
        trial.rollback()

    def _unmerge(self, who, need):
        unmerge(self.session, who, need.id, NOW)
        del self.parent[need.id]
        assert (need.state, need.merged_into_id, need.demand_id) == ("triaged", None, None)

    def _chain(self, key):
        found = [key]
        while found[-1] in self.parent:
            found.append(self.parent[found[-1]])
        return found

    def _items(self):
        return items_of(self.session, self.draft.id)

    def rows(self):
        """Everything a refusal must leave as it was."""
        return [
            (row.state, row.merged_into_id, row.demand_id, row.category, row.confidential, row.holder_id)
            for row in self.session.scalars(select(NeedSubmission).order_by(NeedSubmission.id))
        ]

    # What must hold after every step.

    def every_voice_is_counted_once(self):
        keys = {need.id for need in self.needs}
        roots = {self._chain(key)[-1] for key in keys}
        found = {root: {one.id for one in voices_of(self.session, [root])} for root in roots}
        assert found == {root: {key for key in keys if self._chain(key)[-1] == root} for root in roots}
        person = {need.id: need.person_id or f"nameless {need.id}" for need in self.needs}
        people = {root: len({person[key] for key in found[root]}) for root in roots}
        assert people_behind(self.session, keys) == people
        under = {}
        for need in self.needs:
            if need.id in roots and need.state == "adopted":
                under.setdefault(need.demand_id, set()).update(person[key] for key in found[need.id])
        demands = [item.line_id for item in self._items()]
        assert people_of_demands(self.session, demands) == {key: len(names) for key, names in under.items()}

    def no_secret_leaves(self):
        shown = [row.facts for table in (Letter, Task) for row in self.session.scalars(select(table))]
        shown += [row.note for row in self.session.scalars(select(History))]
        shown += [item.title for item in self.session.scalars(select(DemandItem))]
        shown.append(gaps(self.session, NOW))
        for clerk in self.clerks:
            for need in needs_waiting(self.session, clerk):
                shown += [other.text for other, _ in likes(self.session, clerk, need.id)]
                for voice in voices_seen(self.session, clerk, need):
                    if voice.need.confidential and voice.need.holder_id != clerk.person_id:
                        shown.append((voice.text, voice.name))
                        assert voice.hidden
        assert MARK not in str(shown)

    def history_replays(self):
        for need in self.needs:
            rows, parent = history_of(self.session, need.subject), None
            assert all(before.to_state == after.from_state for before, after in itertools.pairwise(rows))
            for row in rows:
                parent = {"merge": row.note, "unmerge": None}.get(row.verb, parent)
            assert rows[-1].to_state == need.state
            assert parent == (f"need:{need.merged_into_id}" if need.merged_into_id else None)
            assert need.merged_into_id == self.parent.get(need.id)

    def who_is_listed_was_told_once(self):
        if self.draft.state != "published":
            return
        keys = self.session.scalars(select(Letter.key).where(Letter.kind == "ordering.matter_listed")).all()
        for need in self.needs:
            root = self.session.get_one(NeedSubmission, self._chain(need.id)[-1])
            if root.state == "adopted" and need.person_id is not None:
                assert f"demand:{root.demand_id}/{need.person_id}" in keys
        assert len(set(keys)) == len(keys)


@WALK
@given(steps=st.lists(step, min_size=4, max_size=14))
def test_needs_walk_where_their_table_leads_and_no_voice_is_lost_doubled_or_betrayed(open_session, cast, steps):
    with open_session() as session:  # never committed: the next walk begins with an empty township
        town = Township(session, cast)
        for verb, first, second in steps:
            before = town.rows()
            try:
                with session.begin_nested():
                    town.do(verb, first, second)
            except Refused:
                session.expire_all()
                assert town.rows() == before
            town.every_voice_is_counted_once()
            town.history_replays()
        town.no_secret_leaves()
        town.who_is_listed_was_told_once()
        assert {need.state for need in town.needs} <= set(NEED.states)


@WALK
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["look", "assign", "hand_over", "note", "finish", "close", "withdraw"]),
                  st.integers(0, 3),
                  st.sampled_from(["medical", "hardship"])),
        min_size=2, max_size=9,
    ),
    secret=st.booleans(),
)  # fmt: skip
def test_calls_for_help_walk_where_their_table_leads_and_keep_their_secrets(open_session, cast, steps, secret):
    with open_session() as session:
        call = calls(session, cast.who(cast.aming), f"{MARK}家里的事", confidential=secret)
        crew = [cast.who(cast.chen), cast.who(cast.li), cast.who(cast.aming), joins(session, "周干事", cast.township)]
        for verb, who, kind in steps:
            state, confidential, holder = call.state, call.confidential, call.holder_id
            try:
                with session.begin_nested():
                    {
                        "look": lambda who, kind: helping.look_at_help(session, who, call.id, kind, NOW),
                        "assign": lambda who, kind: helping.assign(session, who, call.id, cast.li.id, NOW),
                        "hand_over": lambda who, kind: helping.hand_over(
                            session, who, call.id, crew[3 if who is crew[0] else 0].person_id, NOW
                        ),
                        "note": lambda who, kind: helping.note(session, who, call.id, f"{MARK}记", NOW),
                        "finish": lambda who, kind: helping.finish(session, who, call.id, f"{MARK}好了", NOW),
                        "close": lambda who, kind: helping.close(session, who, call.id, f"{MARK}不行", NOW),
                        "withdraw": lambda who, kind: helping.withdraw(session, who, call.id, NOW),
                    }[verb](crew[who], kind)
                assert not confidential or crew[who].person_id in (holder, cast.aming.id)
            except Refused:
                session.expire_all()
                assert call.state == state
        rows = history_of(session, call.subject)
        assert all(before.to_state == after.from_state for before, after in itertools.pairwise(rows))
        assert rows[-1].to_state == call.state
        assert call.state in HELP.states
        open_tasks = session.scalars(select(Task.kind).where(Task.state == "open", Task.subject == call.subject)).all()
        assert bool(open_tasks) == (call.state not in HELP.ends)
        if call.confidential:
            readers = [who for who in crew if who.person_id not in (call.holder_id, cast.aming.id)]
            assert all(call not in help_waiting(session, who) for who in readers)
            for who in readers:
                with pytest.raises(Refused, match="not_yours"):
                    notes_of(session, who, call.id)
        if secret:
            letters = [row.facts for row in session.scalars(select(Letter))]
            tasks = [row.facts for row in session.scalars(select(Task))]
            assert MARK not in str([letters, tasks, [row.note for row in rows]])
        assert session.scalars(select(HelpRequest)).all() == [call]
