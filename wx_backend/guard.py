"""Who asks: each door's own way to know, or to refuse."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.errors import Refused
from models.people.identities import Who
from models.people.signins import who_signed_in
from wx_backend import bearer


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
