"""The catalogue of refusals: every code that an answer may carry, its HTTP status, and what it means to a developer."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """What a code stands for. The sentence that people read is in the words of its quarter."""

    status: int
    says: str


# What the door itself refuses, before any rule is asked.
OF_THE_DOOR: Mapping[str, Meaning] = {
    "bad_json": Meaning(400, "the body is not JSON, or the query is not text"),
    "idempotency_key_missing": Meaning(400, "no Idempotency-Key header of 1 to 64 visible ASCII characters"),
    "signed_out": Meaning(401, "no access token, or one that is over or was ended: refresh it, or log in again"),
    "code_used": Meaning(401, "the login code is wrong, over or used: call wx.login again"),
    "login_blocked": Meaning(403, "WeChat holds this user for a risk (40226)"),
    "no_such_page": Meaning(404, "there is no such address"),
    "wrong_method": Meaning(405, "the address does not know this method"),
    "idempotency_busy": Meaning(409, "the first request with this key is still at work: ask again in a moment"),
    "too_long": Meaning(413, "the body is longer than 64 KB"),
    "not_json": Meaning(415, "the Content-Type is not application/json"),
    "invalid": Meaning(422, "`data.fields` says which fields do not fit, and why"),
    "too_many": Meaning(429, "too many requests: wait for Retry-After seconds"),
    "internal": Meaning(500, "a mistake of ours; the request_id finds it in the log"),
    "busy": Meaning(503, "the database does not answer: ask again after Retry-After seconds"),
    "wechat_away": Meaning(503, "WeChat does not answer the login: ask again after Retry-After seconds"),
}

# What rules refuse. A stranger gets the same answer whether the thing exists or not.
OF_RULES: Mapping[str, Meaning] = {
    "already_taken": Meaning(409, "another organisation, or another member, was first"),
    "answer_long": Meaning(422, "an answer is longer than `limit` characters"),
    "answer_needed": Meaning(422, "a required question has no answer"),
    "answer_number": Meaning(422, "the answer must be a whole number from 1 to 999"),
    "answer_value": Meaning(422, "the answer must be one of `values`"),
    "bad_rule": Meaning(422, "a reminder rule that cannot be"),
    "bad_time": Meaning(422, "the wished time is not in the future"),
    "code_mistyped": Meaning(422, "the invitation's check symbol does not fit"),
    "code_unknown": Meaning(404, "no such invitation, or it is over or used up"),
    "consent_withdrawn": Meaning(409, "the resident has taken the consent back"),
    "idempotency_mismatch": Meaning(422, "the Idempotency-Key stood for another request in the last 24 hours"),
    "identity_conflict": Meaning(409, "two WeChat identities of one human with two names: a cadre has been asked"),
    "name_long": Meaning(422, "a name has 1 to `limit` characters"),
    "name_registered": Meaning(409, "the name is on the county's own list: a cadre changes it"),
    "no_centre": Meaning(409, "no centre serves this village"),
    "no_contact": Meaning(409, "the beneficiary has no way to be told"),
    "no_letter": Meaning(404, "there is no such letter"),
    "no_link": Meaning(403, "the caller may not act for this person, or there is none"),
    "no_station": Meaning(409, "the centre has no station for calls"),
    "not_active": Meaning(409, "the person has moved away or died"),
    "not_offered": Meaning(404, "the service is not on the list of the centre that serves this person"),
    "not_true_now": Meaning(409, "the matter has changed since"),
    "not_wanted": Meaning(409, "the reader wants no such letters"),
    "not_yours": Meaning(404, "there is no such thing, or it is not the caller's"),
    "note_long": Meaning(422, "a note has at most `limit` characters"),
    "number_mistyped": Meaning(422, "the order number's check digit does not fit"),
    "offer_over": Meaning(409, "the offer was declined, or waited too long"),
    "order_gone": Meaning(409, "the order was cancelled"),
    "over": Meaning(409, "it has taken place"),
    "own_link": Meaning(409, "an invitation to oneself"),
    "own_request": Meaning(403, "a cadre may not confirm what they asked for themselves"),
    "reason_needed": Meaning(422, "a reason must be given"),
    "slot_taken": Meaning(409, "another was first at this time"),
    "still_going": Meaning(409, "it may still arrive by itself"),
    "too_far": Meaning(422, "the wished time is more than `days` days ahead"),
    "unknown_zone": Meaning(422, "no IANA time zone has this name"),
    "witness_needed": Meaning(422, "a spoken consent needs a witness"),
    "wrong_state": Meaning(409, "it has gone on meanwhile: read it again"),
}

CATALOGUE: Mapping[str, Meaning] = {**OF_THE_DOOR, **OF_RULES}
