"""The shape of the whole repository: what stands where, how large, and what must never be written into it."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("wx_backend", "handlers", "models", "scheduler")
TOP = {
    *PACKAGES, "tests", "docs", ".ci", "Makefile", "README.md", "CHANGELOG.md", "config.example.toml", "pyproject.toml",
    "requirements.lock", "requirements-dev.lock", "package.json", "package-lock.json", ".npmrc", ".gitignore",
}  # fmt: skip
NO_NAMES = {"utils", "util", "common", "helpers", "helper", "services", "service", "dao", "misc", "manager"}
LINES_OF_A_FILE = 330
LINES_OF_A_FUNCTION = 45
# What is longer, and why. Migrations are not counted: they say in order what was done once.
LONG_FUNCTIONS: dict[str, str] = {}

# Put together from parts, so that this file does not find itself.
MACHINE_PATH = re.compile(r"(?<![\w.:/$}-])/(?:" + "|".join(("work", "tmp", "opt", "root", "home", "Users")) + r")/")
REGISTRY = re.compile("|".join((r"pypi\." + "org", "python" + "hosted", r"registry\." + "npm", "npm" + "mirror")))
INDEX_LINE = re.compile(r"^\s*(?:--)?(?:extra-)?" + r"(?:index-url|find-links)\b\s*[= ]", re.M)
LEFT_FOR_LATER = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")


@cache
def files() -> tuple[PurePosixPath, ...]:
    """Every file of the repository that is not ignored, committed or not."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nobody can say which files belong to it")
    command = [git, "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True).stdout.decode().split("\0")
    return tuple(PurePosixPath(name) for name in sorted(set(listed)) if name and (ROOT / name).is_file())


def python(*tops: str) -> Iterator[tuple[str, str, ast.Module]]:
    """Name, text and tree of every module under these; generated migrations left out."""
    for file in files():
        if file.suffix == ".py" and file.parts[0] in tops and "versions" not in file.parts:
            text = (ROOT / file).read_text(encoding="utf-8")
            yield str(file), text, ast.parse(text)


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of every file that is text."""
    for file in files():
        try:
            yield str(file), (ROOT / file).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def found(pattern: re.Pattern[str]) -> list[str]:
    """Where the pattern stands, as file:line."""
    return [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match.group().strip()}"
        for name, text in texts()
        for match in pattern.finditer(text)
    ]


def test_the_top_level_holds_only_what_the_design_names() -> None:
    assert {file.parts[0] for file in files()} - TOP == set()


def test_files_are_named_after_nouns() -> None:
    assert [str(file) for file in files() if {PurePosixPath(part).stem for part in file.parts} & NO_NAMES] == []


def test_files_are_short() -> None:
    long = {name: text.count("\n") for name, text, _ in python(*PACKAGES)}
    assert {name: lines for name, lines in long.items() if lines > LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    """From `def` to the end, with whatever is defined inside; who mends one of those left takes its name out."""
    long = {
        f"{name} {node.name}": length
        for name, _, tree in python(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > LINES_OF_A_FUNCTION
    }
    assert {place: lines for place, lines in long.items() if place not in LONG_FUNCTIONS} == {}
    assert LONG_FUNCTIONS.keys() - long.keys() == set()


def test_every_module_says_what_the_room_is_for() -> None:
    assert [name for name, _, tree in python(*PACKAGES, "tests") if not ast.get_docstring(tree)] == []


def test_no_import_hides_inside_a_function() -> None:
    hidden = [
        f"{name}:{inner.lineno}"
        for name, _, tree in python(*PACKAGES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert hidden == []


@pytest.mark.case("J24")
def test_one_room_reads_the_wall_clock() -> None:
    """The sandbox is a stranger with a clock of its own; time that only measures (monotonic) is no wall clock."""
    readers = re.compile(r"\b(?:datetime\.(?:now|utcnow|today)|date\.today|time\.time(?:_ns)?|time\.localtime)\(")
    guilty = [
        name
        for name, text, _ in python(*PACKAGES)
        if readers.search(text) and name != "wx_backend/now.py" and not name.startswith("wx_backend/sandbox/")
    ]
    assert guilty == []


def test_no_path_of_one_machine_is_written_anywhere() -> None:
    assert found(MACHINE_PATH) == []


def test_no_package_registry_is_named_anywhere() -> None:
    assert found(REGISTRY) == []
    assert found(INDEX_LINE) == []


def test_nothing_is_left_for_later() -> None:
    assert found(LEFT_FOR_LATER) == []


def test_every_case_is_an_id_of_the_written_facts() -> None:
    marks = re.compile(r"mark\.case\(([^)]*)\)")
    strange = [
        f"{name}: {match.group()}"
        for name, text, _ in python("tests")
        for match in marks.finditer(text)
        if not re.fullmatch(r'("[A-LPRSV][1-9][0-9]?"(, )?)+', match.group(1)) and name != "tests/test_shape.py"
    ]
    assert strange == []


def test_what_is_not_python_is_packed_with_its_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = settings["tool"]["setuptools"]["package-data"]
    lost = [
        str(file)
        for file in files()
        if file.parts[0] in PACKAGES
        and file.suffix != ".py"
        and not any(PurePosixPath(*file.parts[1:]).match(pattern) for pattern in packed.get(file.parts[0], []))
    ]
    assert lost == []


def test_the_locks_agree_and_hold_every_dependency() -> None:
    runtime, dev = (_pins(ROOT / name) for name in ("requirements.lock", "requirements-dev.lock"))
    assert {name: pin for name, pin in runtime.items() if dev.get(name) != pin} == {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = {re.split(r"[\[<>=~ ]", line)[0] for line in project["project"]["dependencies"]}
    assert wanted - runtime.keys() == set()
    assert {re.split(r"[<>=~ ]", line)[0] for line in project["dependency-groups"]["dev"]} - dev.keys() == set()


def _pins(lock: Path) -> dict[str, str]:
    text = lock.read_text(encoding="utf-8")
    assert text.count("==") <= text.count("--hash=sha256:")
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==([^ ;]+)", text, re.M))
