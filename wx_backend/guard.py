"""Who asks: one function for each door says it, or that nobody does."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import session as cookie
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.errors import Refused
from models.people import desk_sessions
from models.people.accounts import AtDesk, at_desk
from models.people.identities import Identity, Who
from models.people.persons import Person
from models.people.signins import who_signed_in
from wx_backend import bearer

# A page's session: over after so long without a visit, and in any case after so long. WeChat says silently who looks,
# so a new one costs a person nothing but what stands half typed.
IDLE, ABSOLUTE = timedelta(hours=12), timedelta(days=7)
SEEN_EVERY = timedelta(minutes=5)  # the cookie is not written anew for each page

NO_KEY = 1 << 63  # no row has a key that a database cannot hold


@dataclass(frozen=True)
class Visitor:
    """Who looks at a page, and whether in the larger of its two sizes (长辈版)."""

    who: Who
    large: bool


def let_in(identity: Identity, epoch: int, now: datetime) -> None:
    """Begin a page's session anew: nothing of the browser's old one, its CSRF token included, is worth anything."""
    browser = cookie.get("browser")  # says nothing but that two ways in began in one browser
    cookie.clear()
    at = int(now.timestamp())
    cookie["browser"] = browser
    cookie["page"] = {"identity": identity.id, "epoch": epoch, "began": at, "seen": at}


def page_who(session: Session, now: datetime, *, visit: bool = True) -> Visitor | None:
    """Who holds this page's signed session; None where nobody does, or it is over or was revoked.

    `visit` is false for what a page asks by itself: it is no sign that somebody is there.
    """
    held: dict[str, Any] | None = cookie.get("page")
    if held is None or not _lasts(held, now):
        return None
    found = session.execute(
        select(Identity, Person).join(Person, Identity.person_id == Person.id).where(Identity.id == held["identity"])
    ).first()
    if found is None or found.Person.session_epoch != held["epoch"]:
        return None
    if visit and now - datetime.fromtimestamp(held["seen"], now.tzinfo) > SEEN_EVERY:
        cookie["page"] = {**held, "seen": int(now.timestamp())}
    identity, person = found.Identity, found.Person
    who = Who(person.id, identity.id, person.name, person.time_zone, identity.app_id, identity.openid)
    return Visitor(who, person.large_type)


def _lasts(held: dict[str, Any], now: datetime) -> bool:
    began, seen = (datetime.fromtimestamp(held[name], now.tzinfo) for name in ("began", "seen"))
    # A session from the future is none: somebody has put the clock back.
    return began - SEEN_EVERY <= now <= began + ABSOLUTE and seen - SEEN_EVERY <= now <= seen + IDLE


def api_claims(key: bytes, authorization: str, now: datetime) -> bearer.Claims:
    """What the bearer token of a request says, before the database is asked; raises Refused("signed_out")."""
    scheme, _, token = authorization.partition(" ")
    claims = bearer.read(key, token.strip(), now) if scheme.lower() == "bearer" else None
    if claims is None:
        raise Refused("signed_out")
    return claims


def api_who(session: Session, claims: bearer.Claims, now: datetime) -> Who:
    """Who stands behind a token now; raises Refused("signed_out") when the sign-in was ended here."""
    return who_signed_in(session, claims.sign_in_id, claims.identity_id, now)


def desk_who(session: Session, token: str | None, now: datetime) -> AtDesk | None:
    """Who is signed in at the desk with this cookie; None where nobody is, or their session or their role is over."""
    found = at_desk(session, token, now) if token else None
    if found is not None:
        desk_sessions.touch(session, found.session_id, found.seen_at, now)
    return found
