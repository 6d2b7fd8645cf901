"""The notice sheet of a centre (公开栏): its services in large print, a code beside each, on A3 or A4."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wx_backend.printing.fonts import Face
from wx_backend.printing.pen import POINT, Pen

RED, INK, SOFT, RULE, PALE, WHITE = (
    (176, 30, 35), (26, 26, 26), (82, 78, 74), (222, 214, 206), (251, 244, 238), (255, 255, 255),
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One service on the sheet. Without a `code` there is nothing to scan: `ring` stands in its place."""

    category: str
    title: str
    summary: str
    facts: Sequence[tuple[str, str]]
    code: str = ""
    ring: str = ""


@dataclass(frozen=True)
class Notice:
    """All that stands on a sheet."""

    centre: str
    address: str
    phone: str
    heading: str
    lead: Sequence[str]
    scan: str
    ring: str
    ring_now: str
    foot: str
    entries: Sequence[Entry]
    made_at: datetime


@dataclass(frozen=True)
class Paper:
    """A size of paper (millimetres) and the type on it (points)."""

    size: tuple[float, float]
    columns: int
    margin: float
    heading: float
    centre: float
    lead: float
    title: float
    summary: float
    fact: float
    code: float  # the side of a QR code
    chip: float = 19
    gap: float = 7
    foot: float = 12

    def at(self, scale: float, columns: int) -> "Paper":
        """The same paper with the entries in so many columns, their type larger or smaller; the head stays."""
        return replace(
            self, columns=columns, title=self.title * scale, summary=self.summary * scale, fact=self.fact * scale,
            code=self.code * scale, chip=self.chip * min(scale, 1.6 / columns + 0.2),
        )  # fmt: skip


# How much larger the entries may stand. The smallest is large print still: titles of 24 points.
SCALES = (2.2, 2.0, 1.8, 1.6, 1.5, 1.4, 1.3, 1.2, 1.1, 1.0, 0.92)

CHIP_GAP, MOST_AIR = 3.5, 12.0

PAPERS = {
    "a4": Paper((210, 297), 1, 13, heading=46, centre=21, lead=15, title=27, summary=17, fact=15, code=34),
    "a3": Paper(
        (297, 420), 2, 15, heading=64, centre=30, lead=20, title=27, summary=17, fact=15, code=30, gap=11, chip=16
    ),
}  # fmt: skip


def printed(notice: Notice, paper: Paper, regular: Face, bold: Face) -> bytes:
    """The sheet as PDF, on as many pages as it needs; raises NoFont."""
    pen = Pen(paper.size, regular, bold, f"{notice.centre} {notice.heading}", notice.made_at)
    layout, pages = laid_out(notice, paper, pen)
    for number, columns in enumerate(pages, start=1):
        pen.page()
        top = layout.head(first=number == 1)
        layout.body(columns, top)
        layout.foot(number, len(pages))
    return pen.out()


def laid_out(notice: Notice, paper: Paper, pen: Pen) -> "tuple[Layout, list[list[list[Block]]]]":
    """As few pages as may be, for a board is small; no title broken for size; and then the largest type."""
    papers = [paper.at(scale, columns) for scale in SCALES for columns in range(1, paper.columns + 1)]
    tried = [(layout, layout.pages()) for layout in (Layout(notice, one, pen) for one in papers)]
    return min(tried, key=lambda one: (len(one[1]), one[0].broken_titles()))


@dataclass
class Block:
    """An entry with its lines broken, and how high it stands."""

    entry: Entry
    title: list[str]
    summary: list[str]
    facts: list[tuple[str, list[str]]]
    height: float


@dataclass
class Layout:
    """A notice on one kind of paper."""

    notice: Notice
    paper: Paper
    pen: Pen

    @property
    def column(self) -> float:
        """The width of a column."""
        paper = self.paper
        return (paper.size[0] - 2 * paper.margin - (paper.columns - 1) * paper.gap) / paper.columns

    @property
    def text(self) -> float:
        """The width of the text beside the code."""
        return self.column - self.paper.code - 5

    def broken_titles(self) -> int:
        """How many lines of titles there are beyond one for each: a title is read at a glance or not at all."""
        return sum(len(self._block(entry).title) - 1 for entry in self.notice.entries)

    @property
    def bottom(self) -> float:
        """Where the foot begins."""
        return self.paper.size[1] - 27

    def pages(self) -> list[list[list[Block]]]:
        """The blocks by page and column: each page is filled column by column, and the last one evenly."""
        blocks = [self._block(entry) for entry in self.notice.entries]
        pages = list[list[list[Block]]]()
        while blocks:
            room = self.bottom - self._head_height(first=not pages)
            columns = list[list[Block]]()
            for _ in range(self.paper.columns):
                taken = _that_fit(blocks, room)
                columns.append(blocks[:taken])
                blocks = blocks[taken:]
            even = _even([block for column in columns for block in column], self.paper.columns)
            fits = all(sum(block.height for block in column) <= room for column in even)
            pages.append(even if not blocks and fits else columns)
        return pages

    def _block(self, entry: Entry) -> Block:
        pen, paper = self.pen, self.paper
        width = self.text + (paper.code if entry.ring else 0)
        title = pen.lines(entry.title, paper.title, width - paper.chip - CHIP_GAP, bold=True)
        summary = pen.lines(entry.summary, paper.summary, width)
        facts = [
            (name, pen.lines(said, paper.fact, width - pen.width(f"{name}  ", paper.fact, bold=True)))
            for name, said in entry.facts
        ]
        height = pen.height(len(title), paper.title) + pen.height(len(summary), paper.summary)
        height += pen.height(sum(len(lines) for _, lines in facts), paper.fact) + (1.5 if facts else 0)
        if entry.ring:
            return Block(entry, title, summary, facts, height + pen.height(1, paper.title) + 12)
        return Block(entry, title, summary, facts, max(height, paper.code + 6) + 9)

    def _head_height(self, *, first: bool) -> float:
        paper = self.paper
        if not first:
            return paper.margin + paper.centre * POINT * 2.2
        return (paper.heading + paper.centre) * POINT * 1.4 + 18 + self.pen.height(len(self._lead()), paper.lead) + 8

    def _lead(self) -> list[str]:
        width = self.paper.size[0] - 2 * self.paper.margin
        return [line for said in self.notice.lead for line in self.pen.lines(said, self.paper.lead, width)]

    def head(self, *, first: bool) -> float:
        """The band at the top; answers where the list begins."""
        pen, paper, notice = self.pen, self.paper, self.notice
        width = paper.size[0]
        if not first:
            pen.box(0, 0, width, paper.margin * 0.6, RED)
            pen.write(
                paper.margin, paper.margin, f"{notice.centre} · {notice.heading}", paper.centre * 0.8, RED, bold=True
            )
            return self._head_height(first=False)
        band = (paper.heading + paper.centre) * POINT * 1.4 + 12
        pen.box(0, 0, width, band, RED)
        y = pen.write(paper.margin, 6, notice.centre, paper.centre, WHITE, bold=True)
        pen.write(paper.margin, y - 1, notice.heading, paper.heading, WHITE, bold=True)
        if notice.phone:
            right = width - paper.margin
            size = paper.centre * 1.35
            pen.write(right - 90, y + 1.5, notice.ring, paper.lead, WHITE, width=90, align="R")
            pen.write(right - 120, y + 1.5 + pen.height(1, paper.lead), notice.phone, size, WHITE, bold=True, width=120,
                      align="R")  # fmt: skip
        pen.write(paper.margin, band + 4, self._lead(), paper.lead, SOFT)
        return self._head_height(first=True)

    def body(self, columns: Sequence[Sequence[Block]], top: float) -> None:
        """The entries, column by column."""
        for number, blocks in enumerate(columns):
            x, y = self.paper.margin + number * (self.column + self.paper.gap), top
            left_over = self.bottom - top - sum(block.height for block in blocks)
            air = min(max(left_over, 0) / max(len(blocks), 1), MOST_AIR)
            for block in blocks:
                self._draw(block, x, y)
                y += block.height + air

    def _draw(self, block: Block, x: float, y: float) -> None:
        pen, paper, entry = self.pen, self.paper, block.entry
        if entry.ring:
            pen.box(x - 3, y + 1, self.column + 6, block.height - 3, PALE, radius=3)
        else:
            pen.line(x, y, x + self.column, y, RULE)
        top, high, points = y + 4.5, paper.chip * 0.54, paper.chip * 0.85
        middle = top + pen.height(1, paper.title) / 2
        pen.box(x, middle - high / 2, paper.chip, high, RED, radius=2)
        pen.write(x, middle - pen.height(1, points) / 2, entry.category, points, WHITE, bold=True,
                  width=paper.chip, align="C")  # fmt: skip
        down = pen.write(x + paper.chip + CHIP_GAP, top, block.title, paper.title, INK, bold=True)
        down = pen.write(x, down, block.summary, paper.summary, INK) + (1.5 if block.facts else 0)
        for name, lines in block.facts:
            pen.write(x, down, name, paper.fact, RED, bold=True)
            down = pen.write(x + pen.width(f"{name}  ", paper.fact, bold=True), down, lines, paper.fact, INK)
        if entry.ring:
            pen.write(x, down, f"{self.notice.ring_now} {entry.ring}", paper.title * 0.9, RED, bold=True)
        if entry.code:
            side = x + self.column - paper.code
            pen.qr(side, top, paper.code, entry.code)
            pen.write(
                side, top + paper.code - 1, self.notice.scan, paper.code * 0.36, SOFT, width=paper.code, align="C"
            )

    def foot(self, number: int, of: int) -> None:
        """Address, edition and day: by them an old sheet is known."""
        pen, paper, notice = self.pen, self.paper, self.notice
        y = self.bottom + 6
        pen.line(paper.margin, y, paper.size[0] - paper.margin, y, RED, 0.8)
        pen.write(paper.margin, y + 2.5, notice.address, paper.foot + 2, INK, bold=True)
        pen.write(paper.margin, y + 9.5, notice.foot, paper.foot, SOFT)
        if of > 1:
            right = paper.size[0] - paper.margin - 30
            pen.write(right, y + 2.5, f"{number} / {of}", paper.foot + 2, INK, bold=True, width=30, align="R")


def _that_fit(blocks: Sequence[Block], room: float) -> int:
    """How many of the first blocks fit; one at least, or there would be no end."""
    used, count = 0.0, 0
    for block in blocks:
        used += block.height
        if used > room and count:
            break
        count += 1
    return count


def _even(blocks: Sequence[Block], columns: int) -> list[list[Block]]:
    """The blocks in columns of about one height."""
    found, rest = list[list[Block]](), list(blocks)
    for left in range(columns, 0, -1):
        share, used, column = sum(block.height for block in rest) / left, 0.0, list[Block]()
        while rest and (not column or left == 1 or used + rest[0].height / 2 <= share):
            used += rest[0].height
            column.append(rest.pop(0))
        found.append(column)
    return found
