"""A voice note or picture that never came: somebody calls and asks what was to be said."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from models.life import BY_TIME
from models.messages.media import Media
from models.ordering.help import HELP, HelpRequest
from models.ordering.matters import open_desk_task
from models.ordering.needs import NEED, NeedSubmission
from models.ordering.said import Matter
from models.tasks.tasks import Task

_OVER = HELP.ends | NEED.ends
_TABLES: dict[str, type[NeedSubmission] | type[HelpRequest]] = {NEED.name: NeedSubmission, HELP.name: HelpRequest}


def matter_behind(session: Session, subject: str) -> Matter | None:
    """The need or call for help of this name ("need:5"); None for anything else."""
    kind, _, key = subject.partition(":")
    table = _TABLES.get(kind)
    found: Any = session.get(table, int(key)) if table is not None and key.isdigit() else None
    return cast(Matter | None, found)


def ask_again(session: Session, media: Media, now: datetime) -> Task | None:
    """Open the task to call the person; None where nobody can be called (an anonymous voice) or need be."""
    thing = matter_behind(session, media.subject)
    if thing is None or thing.person_id is None or thing.state in _OVER:
        return None
    return open_desk_task(session, thing, "media_lost", by=BY_TIME, now=now, mark=f":{media.id}")
