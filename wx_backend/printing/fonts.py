"""The fonts of what we print: those the settings name, else the machine's own for Chinese."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PROBE = "党群服务中心点单"  # a font without these is none for us


class NoFont(Exception):
    """There is no font that can print Chinese; the message says what to do."""


@dataclass(frozen=True)
class Face:
    """One face of a font file; a collection (.ttc) holds several, by number."""

    path: Path
    number: int = 0


def faces(regular: str, bold: str) -> tuple[Face, Face]:
    """The regular and the bold face: the files that are named ("file.ttc#2"), else what fontconfig finds.

    Raises NoFont.
    """
    plain = _named("font", regular) if regular else _found("sans:lang=zh-cn")
    if bold:
        return plain, _named("font_bold", bold)
    return plain, plain if regular else _found("sans:lang=zh-cn:bold")


def _named(key: str, text: str) -> Face:
    name, _, number = text.partition("#")
    if not Path(name).is_file():
        raise NoFont(f"print.{key}: {name} is not there")
    if number and not number.isdigit():
        raise NoFont(f"print.{key}: after # stands the number of the face in the collection, as in font.ttc#2")
    return Face(Path(name), int(number or 0))


def _found(pattern: str) -> Face:
    command = shutil.which("fc-match")
    if command is None:
        raise NoFont("fontconfig is not installed: name a Chinese font file in print.font")
    answer = subprocess.run(  # noqa: S603 - our own words and no shell
        [command, "--format", "%{file}\n%{index}\n%{lang}", pattern], capture_output=True, text=True, timeout=20,
        check=False,
    ).stdout.split("\n")  # fmt: skip
    if len(answer) < 3 or "zh-cn" not in answer[2].split("|"):
        raise NoFont("no Chinese font is installed (Debian: apt-get install fonts-noto-cjk); or name one in print.font")
    return Face(Path(answer[0]), int(answer[1] or 0) & 0xFFFF)  # higher bits number the instances of a variable font
