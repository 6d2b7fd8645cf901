"""The settings: what they refuse, and that they say which file and key."""

import base64
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import BaseModel, ValidationError

from wx_backend.cli import main
from wx_backend.config import EXAMPLE, Config, ConfigError, find_file, load_config
from wx_backend.hands import make_templates
from wx_backend.safety import EXAMPLE_SECRETS, refuse_lonely_workers, refuse_unsafe, secrets_of
from wx_backend.wechat.business import BUSINESS
from wx_backend.wechat.templates import fit

OUTSIDE = {"WX_BACKEND_APP__PUBLIC_URL": "https://centre.example.gov.cn"}
OWN_KEY = base64.b64encode(bytes(range(32))).decode().rstrip("=")
OWN_SECRETS = {
    "WX_BACKEND_APP__SECRET_KEY": "k" * 32,
    **{
        f"WX_BACKEND_WECHAT__{account}__{key}": value
        for account in ("OFFICIAL_ACCOUNT", "MINI_PROGRAM")
        for key, value in (("APP_SECRET", "own"), ("TOKEN", "owntoken"), ("ENCODING_AES_KEY", OWN_KEY))
    },
}


def faults(path: Path = EXAMPLE, **environ: str) -> list[str]:
    """What the settings refuse, a line each."""
    with pytest.raises(ConfigError) as caught:
        load_config(path, {f"WX_BACKEND_{name}": value for name, value in environ.items()})
    return str(caught.value).splitlines()


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """The example with one change."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "own.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_the_example_is_complete_and_serves_the_demo() -> None:
    config = load_config(EXAMPLE, {})
    assert config.is_loopback()
    assert config.redis.url == "memory://"
    assert config.wechat.official_account.mode == "safe"
    refuse_unsafe(config, demo=False)
    refuse_lonely_workers(config)


def test_every_key_of_the_example_has_its_comment_or_a_section_that_explains_it() -> None:
    plain = [
        line
        for line in EXAMPLE.read_text(encoding="utf-8").splitlines()
        if re.match(r"[a-z_]+ = ", line) and "#" not in line
    ]
    explained_above = {"app_id", "app_secret", "token", "encoding_aes_key", "previous_encoding_aes_key", "mode"}
    explained_above |= {"allow_plain", "enabled", "id", "fields"}
    assert [line for line in plain if line.split(" = ")[0] not in explained_above] == []


def test_the_example_lists_every_key_and_nothing_else() -> None:
    keys = _keys_of(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")))
    # A subscription template may stand beside any template message; the example shows it once.
    told = {key for key in keys if "_subscription." not in key}
    assert told == _keys_of_model(Config)
    assert {key.rsplit(".", 2)[-2] for key in keys - told} == {"mini_subscription", "account_subscription"}


def _keys_of(values: dict[str, Any], at: str = "") -> set[str]:
    found: set[str] = set()
    for key, value in values.items():
        deeper = isinstance(value, dict) and not at.endswith(".fields")
        if key == "fields" or not deeper:
            found.add(f"{at}.{key}")
        else:
            found |= _keys_of(value, f"{at}.{key}")
    return found


def _keys_of_model(model: type[BaseModel], at: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        if name == "templates":
            found |= {f"{at}.templates.{key}.{part}" for key in BUSINESS for part in ("id", "fields")}
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= _keys_of_model(field.annotation, f"{at}.{name}")
        else:
            found.add(f"{at}.{name}")
    return found


def test_an_unknown_key_is_refused_with_file_and_key(tmp_path: Path) -> None:
    path = changed(tmp_path, "threads = 8 ", "theads = 8 ")
    assert sorted(faults(path)) == [f"{path}: app.theads: no such key", f"{path}: app.threads: this key is missing"]


@pytest.mark.parametrize("key", ["app_id", "app_secret", "token"])
def test_an_empty_secret_refuses_to_start(tmp_path: Path, key: str) -> None:
    path = tmp_path / "own.toml"
    text = re.sub(rf'^{key} = ".*?"', f'{key} = ""', EXAMPLE.read_text(encoding="utf-8"), flags=re.M)
    path.write_text(text, encoding="utf-8")
    assert [line for line in faults(path) if f"official_account.{key}: must not be empty" in line]


def test_all_faults_are_told_at_once_a_line_each(tmp_path: Path) -> None:
    told = faults(
        APP__THREADS="0",
        APP__BIND="8000",
        WECHAT__OFFICIAL_ACCOUNT__TOKEN=" ",
        DATABASE__URL="mysql://x",
        REDIS__URL_FILE=str(tmp_path / "none"),
    )
    assert len(told) == 5
    assert {line.split(": ")[0] for line in told} == {
        "WX_BACKEND_APP__THREADS",
        "WX_BACKEND_APP__BIND",
        "WX_BACKEND_WECHAT__OFFICIAL_ACCOUNT__TOKEN",
        "WX_BACKEND_DATABASE__URL",
        "WX_BACKEND_REDIS__URL_FILE",
    }


def test_the_environment_overrides_the_file_at_every_depth() -> None:
    config = load_config(
        EXAMPLE,
        {
            "WX_BACKEND_APP__BIND": "127.0.0.1:9000",
            "WX_BACKEND_WECHAT__MINI_PROGRAM__ENABLED": "false",
            "WX_BACKEND_WECHAT__TEMPLATES__CALL_BOOKED__ID": "tmpl-ours",
            "WX_BACKEND_WECHAT__TEMPLATES__CALL_BOOKED__FIELDS__SUBJECT": "thing7",
            "WX_BACKEND_SANDBOX__CLOCK_FILE": "var/clock.json",
            "WX_BACKEND_PORT": "tcp://10.0.0.1:80",
        },
    )
    assert config.app.bind == "127.0.0.1:9000"
    assert config.wechat.templates["call_booked"].id == "tmpl-ours"
    assert config.wechat.templates["call_booked"].fields["subject"] == "thing7"
    assert config.sandbox.clock_file == "var/clock.json"
    assert [account.app_id for account in config.accounts()] == [config.wechat.official_account.app_id]


def test_a_variable_that_names_no_key_is_refused_by_its_own_name() -> None:
    assert faults(APP__BINDD="127.0.0.1:1") == ["WX_BACKEND_APP__BINDD: app.bindd: no such key"]
    assert faults(APP__BIND__PORT="1") == ["WX_BACKEND_APP__BIND__PORT: app.bind is a key, not a section"]


def test_a_secret_is_read_from_a_file_without_its_last_newline(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from-a-file\n", encoding="utf-8")
    name = "WX_BACKEND_WECHAT__OFFICIAL_ACCOUNT__APP_SECRET"
    config = load_config(EXAMPLE, {f"{name}_FILE": str(tmp_path / "secret")})
    assert config.wechat.official_account.app_secret == "from-a-file"
    (fault,) = faults(
        WECHAT__OFFICIAL_ACCOUNT__APP_SECRET="x",
        WECHAT__OFFICIAL_ACCOUNT__APP_SECRET_FILE=str(tmp_path / "secret"),
    )
    assert fault.startswith(f"{name}_FILE: {name} sets the same key")


@pytest.mark.parametrize(
    ("key", "bad", "expected"),
    [
        ("WECHAT__OFFICIAL_ACCOUNT__ENCODING_AES_KEY", "short", "43 letters and digits"),
        ("WECHAT__OFFICIAL_ACCOUNT__ENCODING_AES_KEY", "!" * 43, "43 letters and digits"),
        ("WECHAT__OFFICIAL_ACCOUNT__PREVIOUS_ENCODING_AES_KEY", "x", "43 letters and digits"),
        ("WECHAT__OFFICIAL_ACCOUNT__TOKEN", "with space", "3 to 32 letters and digits"),
        ("WECHAT__OFFICIAL_ACCOUNT__MODE", "secure", "'plain', 'compatible' or 'safe'"),
        ("APP__PUBLIC_URL", "centre.example", "must be a URL"),
        ("APP__BIND", "localhost", "an address and a port"),
        ("APP__SECRET_KEY", "short", "at least 16"),
        ("REDIS__URL", "memcached://x", "must begin with memory://"),
        ("SCHEDULER__LEASE_SECONDS", "39", "at least twice send_deadline_seconds"),
        ("SCHEDULER__THREADS", "many", "integer"),
        ("WECHAT__TEMPLATES__CALL_BOOKED__FIELDS__WEATHER", "thing9", "call_booked.fields.weather: no such field"),
        ("WECHAT__TEMPLATES__CALL_BOOKED__FIELDS__SUBJECT", "thing", "a type and a number"),
        ("VIDEO__TURN_SECONDS", "7200", "less than or equal to 3600"),
    ],
)
def test_a_bad_value_is_refused_with_what_was_expected(key: str, bad: str, expected: str) -> None:
    (fault,) = faults(**{key: bad})
    assert expected in fault


def test_templates_are_the_ones_our_letters_use(tmp_path: Path) -> None:
    (fault,) = faults(changed(tmp_path, "[wechat.templates.order_update]", "[wechat.templates.orders]"))
    assert "order_update is missing" in fault
    assert "orders: no such template" in fault


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ('reason = "thing3"', 'reason = "thong3"', "call_cancelled.fields.reason", "no such type of field as thong"),
        ('number = "character_string2"', 'number = "numbers2"', "order_update.fields.number", "character_string"),
        ('"sub-call-reminder"\nfields = { subject = "thing1"', '"sub-call-reminder"\nfields = { subject = "it1"',
         "call_reminder.account_subscription.fields.subject", "no such type of field as it"),
        ('task = "thing1"', 'task = "thing"', "task_assigned.fields.task", "a type and a number, as in thing1"),
        ('task = "thing1"', 'task = ""', "task_assigned.fields.task", "a type and a number, as in thing1"),
    ],
)  # fmt: skip
def test_a_field_of_a_type_that_wechat_has_not_refuses_to_start(
    tmp_path: Path, old: str, new: str, key: str, says: str
) -> None:
    path = changed(tmp_path, old, new)
    (fault,) = faults(path)
    assert fault.startswith(f"{path}: wechat.templates.{key}: ")
    assert says in fault


def test_a_template_message_is_agreed_to_by_nobody_and_so_not_for_good(tmp_path: Path) -> None:
    path = changed(tmp_path, 'id = "tmpl-call-booked"', 'id = "tmpl-call-booked"\nlong_term = true')
    assert faults(path) == [f"{path}: wechat.templates.call_booked.long_term: no such key"]


def test_every_example_of_what_is_said_fits_the_example_of_the_settings() -> None:
    config = load_config(EXAMPLE, {})
    for channel in ("template", "mini_subscription", "account_subscription"):
        for template in make_templates(config, channel).values():
            assert fit(template, BUSINESS[template.key]).keys() == set(template.fields.values())


def test_no_secret_is_shown_in_a_fault_or_a_repr(tmp_path: Path) -> None:
    config = load_config(EXAMPLE, {"WX_BACKEND_DATABASE__URL": "postgresql+psycopg://u:hunter2@db/x"})
    shown = repr(config) + str(config)
    assert not [secret for secret in (*secrets_of(config).values(), "hunter2") if secret in shown]
    told = faults(WECHAT__OFFICIAL_ACCOUNT__ENCODING_AES_KEY="nearly-a-secret", DATABASE__URL="x:hunter2@y")
    assert not [line for line in told if "nearly-a-secret" in line or "hunter2" in line]


def test_settings_cannot_change_after_the_start() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_config(EXAMPLE, {}).app.bind = "0.0.0.0:80"


@pytest.mark.parametrize("text", ["[app", "[app]\nbind = 'a'\nbind = 'b'", "\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    assert faults(path)[0].startswith(f"{path}: not TOML")
    path.write_bytes(b"\xff\xfe")
    assert faults(path)[0].startswith(f"{path}: not TOML")
    path.unlink()
    assert faults(path) == [f"{path}: cannot be read (No such file or directory)"]


def test_a_file_saved_by_a_windows_editor_is_read(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(EXAMPLE.read_text(encoding="utf-8"), encoding="utf-8-sig", newline="\r\n")
    assert load_config(path, {}).app.bind == "127.0.0.1:8000"


def test_plain_mode_stays_on_this_machine_unless_somebody_says_so() -> None:
    plain = {"WECHAT__OFFICIAL_ACCOUNT__MODE": "plain"}
    outside = {"APP__PUBLIC_URL": "https://centre.example.gov.cn"}
    load_config(EXAMPLE, {f"WX_BACKEND_{key}": value for key, value in plain.items()})
    (fault,) = faults(**plain, **outside)
    assert fault.startswith(f"{EXAMPLE}: wechat.official_account.mode: anybody on the way")
    said = {**plain, **outside, "WECHAT__OFFICIAL_ACCOUNT__ALLOW_PLAIN": "true"}
    assert load_config(EXAMPLE, {f"WX_BACKEND_{key}": value for key, value in said.items()})


def test_a_mini_program_that_is_off_needs_nothing() -> None:
    keys = ("APP_ID", "APP_SECRET", "TOKEN", "ENCODING_AES_KEY")
    empty = {f"WECHAT__MINI_PROGRAM__{key}": "" for key in keys}
    assert len(faults(**empty)) == 4
    off = {f"WX_BACKEND_{key}": value for key, value in empty.items()} | {
        "WX_BACKEND_WECHAT__MINI_PROGRAM__ENABLED": "false"
    }
    assert len(load_config(EXAMPLE, off).accounts()) == 1


def test_two_accounts_have_two_ids() -> None:
    app_id = load_config(EXAMPLE, {}).wechat.official_account.app_id
    assert faults(WECHAT__MINI_PROGRAM__APP_ID=app_id) == [
        f"{EXAMPLE}: wechat.mini_program.app_id: the same as the official account's"
    ]


@pytest.mark.parametrize(
    "away",
    [
        {"WX_BACKEND_APP__BIND": "0.0.0.0:8000"},
        {"WX_BACKEND_APP__PUBLIC_URL": "https://centre.example.gov.cn"},
        {"WX_BACKEND_APP__PUBLIC_URL": "http://127.evil.example"},
        {"WX_BACKEND_WECHAT__API_BASE_URL": "https://api.weixin.qq.com"},
    ],
)
def test_the_examples_secrets_serve_only_a_machine_that_talks_to_itself(away: dict[str, str]) -> None:
    config = load_config(EXAMPLE, away)
    with pytest.raises(ConfigError) as caught:
        refuse_unsafe(config, demo=True)
    told = str(caught.value).splitlines()
    assert len(told) == 7
    assert told[0].startswith(f"{EXAMPLE}: app.secret_key: still the value of config.example.toml")
    refuse_unsafe(load_config(EXAMPLE, {**away, **OWN_SECRETS}), demo=False)


@pytest.mark.parametrize("kept", sorted(OWN_SECRETS))
def test_one_secret_left_from_the_example_is_enough_to_refuse(kept: str) -> None:
    own = {key: value for key, value in OWN_SECRETS.items() if key != kept}
    with pytest.raises(ConfigError, match="which everybody knows"):
        refuse_unsafe(load_config(EXAMPLE, {**OUTSIDE, **own}), demo=False)


def test_the_known_digests_are_those_of_the_examples_secrets() -> None:
    values = secrets_of(load_config(EXAMPLE, {})).values()
    assert {hashlib.sha256(value.encode()).hexdigest() for value in values} == EXAMPLE_SECRETS


@pytest.mark.parametrize("bind", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "127.9.9.9:1"])
def test_loopback_is_known_in_all_its_forms(bind: str) -> None:
    assert load_config(EXAMPLE, {"WX_BACKEND_APP__BIND": bind}).is_loopback()


def test_a_movable_clock_is_the_demos_alone() -> None:
    config = load_config(EXAMPLE, {"WX_BACKEND_SANDBOX__CLOCK_FILE": "var/clock.json"})
    refuse_unsafe(config, demo=True)
    with pytest.raises(ConfigError, match=r"sandbox\.clock_file"):
        refuse_unsafe(config, demo=False)


def test_caches_in_memory_serve_one_web_process() -> None:
    with pytest.raises(ConfigError, match=r"app\.workers"):
        refuse_lonely_workers(load_config(EXAMPLE, {"WX_BACKEND_APP__WORKERS": "2"}))
    with_redis = {"WX_BACKEND_APP__WORKERS": "2", "WX_BACKEND_REDIS__URL": "redis://127.0.0.1:6379/0"}
    refuse_lonely_workers(load_config(EXAMPLE, with_redis))


def test_the_file_is_named_by_the_option_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WX_BACKEND_CONFIG", raising=False)
    with pytest.raises(ConfigError, match="--config or WX_BACKEND_CONFIG"):
        find_file(None)
    monkeypatch.setenv("WX_BACKEND_CONFIG", "there.toml")
    assert find_file(None) == Path("there.toml")
    assert find_file("here.toml") == Path("here.toml")


@pytest.mark.parametrize("command", ["serve", "clock", "sandbox", "doctor", "demo"])
def test_every_command_says_what_is_wrong_without_a_traceback(command: str) -> None:
    result = CliRunner().invoke(main, ["--config", str(EXAMPLE), command], env={"WX_BACKEND_APP__THREADS": "0"})
    assert result.exit_code == 1
    assert "app.threads" in result.output
    assert "Traceback" not in result.output
