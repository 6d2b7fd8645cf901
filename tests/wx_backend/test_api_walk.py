"""Every operation of the OpenAPI document, asked with whatever fits its schema and with what does not."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.family.booking import book
from tests.mini import api_app, meal_for, signed_in
from tests.models.family.test_call_days import made as made_day
from tests.models.family.test_calls import SUNDAY_16
from tests.world import NOW
from tests.wx_backend.test_api import once

TEXT = st.text(max_size=20)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
# Texts that mean something here: a time, a number of an order, a choice, a zone.
TELLING = st.sampled_from(["软烂", "2", "²", "2026-11-25T12:00:00+08:00", "Europe/Rome", "client-key-1", "\u0000", ""])


def fitting(document, schema):
    """What fits a schema, as far as the document says it."""
    if "$ref" in schema:
        return fitting(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in schema:
        return st.one_of([fitting(document, one) for one in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "object":
        return fields(document, schema)
    if kind == "array":
        return st.lists(fitting(document, schema["items"]), max_size=min(schema.get("maxItems", 3), 3))
    if kind == "integer":
        least = schema.get("minimum", -10)
        return st.integers(least, least + 5) | st.integers(least, schema.get("maximum", 10**6))
    if kind == "boolean":
        return st.booleans()
    if kind == "null":
        return st.none()
    if schema.get("format") == "date-time":
        zones = st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(-timedelta(hours=12))])
        return st.datetimes(timezones=zones).map(datetime.isoformat)
    assert kind == "string", schema
    texts = st.text(min_size=schema.get("minLength", 0), max_size=min(schema.get("maxLength", 20), 20)) | TELLING
    return st.from_regex(re.compile(schema["pattern"]), fullmatch=True) | texts if "pattern" in schema else texts


def fields(document, schema):
    known = {name: fitting(document, one) for name, one in schema.get("properties", {}).items()}
    required = set(schema.get("required", ()))
    if not known and isinstance(schema.get("additionalProperties"), dict):
        values = fitting(document, schema["additionalProperties"])
        return st.dictionaries(st.sampled_from(["portions", "diet"]) | TEXT, values, max_size=4)
    return st.fixed_dictionaries(
        {name: one for name, one in known.items() if name in required},
        optional={name: one for name, one in known.items() if name not in required},
    )


def mostly(good, strange):
    """Three times in four the one, else the other."""
    return st.integers(0, 3).flatmap(lambda n: good if n else strange)


def asking(document, path, operation):
    """One request of an operation: keys in its address, its query, its body or something else, or no key at all."""
    strange = st.sampled_from([0, 2**53 - 1, 2**53]) | TEXT.filter(lambda text: "/" not in text)
    keys = mostly(st.integers(1, 3), strange)
    named = re.findall(r"{(\w+)}", path)
    address = st.fixed_dictionaries(dict.fromkeys(named, keys))
    query = st.fixed_dictionaries({}, optional={
        one["name"]: fitting(document, one["schema"]) | JUNK
        for one in operation.get("parameters", []) if one["in"] == "query"
    })  # fmt: skip
    body = st.none()
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = mostly(fitting(document, schema), JUNK | st.binary(max_size=30))
    return st.tuples(address, query, body, st.sampled_from([None, None, None, "same-key", ""]))


@pytest.fixture
def world(database_url, open_session, cast):
    """An app where something has been ordered, and a phone of each who may do something."""
    with api_app(database_url) as app:
        people = (cast.xiaofang, cast.laoxu, cast.li)
        phones = [signed_in(app, open_session, cast.identities[one.id]) for one in people]
        for n in range(3):
            assert phones[0].post("orders", meal_for(cast, client_key=f"client-key-{n}")).status_code == 201
        with open_session() as session, session.begin():
            made_day(session, cast)
            book(session, cast.who(cast.xiaofang), cared_id=cast.wangnainai.id, starts_at=SUNDAY_16, client_key="k",
                 now=NOW)  # fmt: skip
        yield phones, phones[0].get("/openapi.json").json


def sent(body):
    if body is None:
        return {}
    data = body if isinstance(body, bytes) else json.dumps(body)
    return {"data": data, "content_type": "application/json"}


def walk(world, data):
    phones, document = world
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items() for method, operation in methods.items()
        if not path.endswith("/logout")
    ]  # fmt: skip
    path, method, operation = data.draw(st.sampled_from(operations))
    address, query, body, key = data.draw(asking(document, path, operation))
    phone = data.draw(st.sampled_from(phones))
    at = path.format(**{name: quote(str(one), safe="") for name, one in address.items()})
    asked = {name: str(one) for name, one in query.items()}
    response = phone.ask(method.upper(), at, key, query_string=asked, **sent(body))
    assert response.status_code != 500, response.text
    # An empty or dotted key in the address leads to another address, or to none.
    if "" not in map(str, address.values()):
        documented = {*operation["responses"], *(["404"] if address else [])}
        assert str(response.status_code) in documented, (method, path, response.status_code, response.text)
    if response.status_code != 304 and path.startswith("/api/v1/"):
        assert set(response.json) == {"code", "msg", "data", "request_id"}


WALK = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), max_examples=400
)


@once
@WALK
@given(data=st.data())
def test_no_request_breaks_it_and_every_status_is_documented(world, data):
    walk(world, data)


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@settings(WALK, max_examples=150)
@given(data=st.data())
def test_nor_on_postgresql_which_keeps_less(world, data):
    walk(world, data)
