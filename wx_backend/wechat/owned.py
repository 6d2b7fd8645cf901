"""The templates that an account holds, as WeChat lists them, compared with those of the settings."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wx_backend.wechat.business import BUSINESS
from wx_backend.wechat.client import Client
from wx_backend.wechat.fields import kind_of
from wx_backend.wechat.templates import Template, Unfit, fit
from wx_backend.wechat.transport import Doubtful

LONG_TERM = 3  # 2: each consent is one message
# "会议时间:{{date2.DATA}}": what a field is called, and its key.
_FIELD = re.compile(r"([^\n：:{}]*)[：:]?[ \t]*\{\{(\w+)\.DATA\}\}")
_EXAMPLE = re.compile(r"([^\n：:]+)[：:][ \t]*([^\n]*)")


@dataclass(frozen=True)
class Owned:
    """One template of an account: what each of its keys is called, WeChat's own example of it, and of a key with a
    fixed choice of values those; `long_term` where one consent is for good."""

    id: str
    title: str
    names: Mapping[str, str]
    examples: Mapping[str, str]
    choices: Mapping[str, tuple[str, ...]]
    long_term: bool = False


def owned(channel: str, client: Client) -> dict[str, Owned]:
    """The account's templates for a channel, by id: template messages, or those that people agree to one by one.

    Raises what the client raises, and Doubtful for an answer that is no such list.
    """
    if channel == "template":
        rows, key = _rows(client.template.get_all_private_template(), "template_list"), "template_id"
    else:
        rows, key = _rows(client.subscription_templates(), "data"), "priTmplId"
    return {str(row.get(key, "")): _read(row, key) for row in rows}


def _rows(answer: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = answer.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Doubtful(f"the answer has no {name}")
    return rows


def _read(row: Mapping[str, Any], key: str) -> Owned:
    names = {found[2]: found[1].strip() for found in _FIELD.finditer(str(row.get("content", "")))}
    by_name = {found[1].strip(): found[2].strip() for found in _EXAMPLE.finditer(str(row.get("example", "")))}
    listed = row.get("keywordEnumValueList") or []
    return Owned(
        str(row.get(key, "")), str(row.get("title", "")), names,
        {wechat: by_name[name] for wechat, name in names.items() if by_name.get(name)},
        {
            str(one.get("keywordCode", "")).partition(".")[0]: tuple(map(str, one.get("enumValueList") or ()))
            for one in listed if isinstance(one, dict)
        },
        row.get("type") == LONG_TERM,
    )  # fmt: skip


def drift(ours: Mapping[str, Template], theirs: Mapping[str, Owned]) -> list[str]:
    """How our templates of one channel differ from the account's, a line each; empty when they agree."""
    return [f"{template.key}: {line}" for template in ours.values() for line in _differences(template, theirs)]


def _differences(template: Template, theirs: Mapping[str, Owned]) -> Iterator[str]:
    held = theirs.get(template.id)
    if held is None:
        yield f"the account has no template {template.id}"
        return
    filled, numbered = set(template.fields.values()), {_number(key): key for key in held.names}
    renamed = set()
    for field, key in sorted(template.fields.items(), key=lambda item: item[1]):
        other = numbered.get(_number(key))
        if key not in held.names and other is not None and other not in filled:
            renamed.add(other)
            yield f"{field}: {key} has another type in the account, {other}"
        elif key not in held.names:
            yield f"{field}: {key} is not in the account's template"
    yield from (f"{key} of the account's template stays empty" for key in sorted(held.names.keys() - filled - renamed))
    if held.long_term != template.long_term:
        kind = "long-term (长期订阅)" if held.long_term else "one message for each consent (一次性订阅)"
        yield f"long_term: in the account it is {kind}"
    yield from _unfit(template)


def _number(key: str) -> str:
    return key[len(kind_of(key)) :]


def _unfit(template: Template) -> Iterator[str]:
    """Fields whose type does not take what our letters say there."""
    for field, key in template.fields.items():
        said = BUSINESS[template.key][field]
        try:
            fit(Template(template.key, template.id, {field: key}), {field: said})
        except Unfit:
            yield f"{field}: {key} does not take what is said there, as in “{said}”"


def reading(template: Template, held: Owned) -> list[str]:
    """How a message by this template will read on a phone: each field as the account calls it, with an example of
    ours, and WeChat's own beside it."""
    lines = [f"{template.key}: {held.title}"]
    for field, key in template.fields.items():
        name, said = held.names.get(key, "?"), BUSINESS[template.key][field]
        parts = [f"WeChat: {held.examples[key]}"] if key in held.examples else []
        parts += [f"only: {'、'.join(held.choices[key])}"] if key in held.choices else []
        more = f" ({'; '.join(parts)})" if parts else ""
        lines.append(f"  {field} → {key}  {name}：{said}{more}")
    return lines


def pulled(channel: str, theirs: Sequence[Owned]) -> list[str]:
    """An account's templates as they would stand in the settings: title, id, each key with what it is called."""
    lines = []
    for one in theirs:
        lines.append(f"# {one.title}")
        lines.append(f'id = "{one.id}"')
        fields = ", ".join(f'"{name or key}" = "{key}"' for key, name in one.names.items())
        lines.append(f"fields = {{ {fields} }}")
        if channel != "template":
            lines.append(f"long_term = {'true' if one.long_term else 'false'}")
        lines.append("")
    return lines
