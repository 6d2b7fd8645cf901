"""A pen for Chinese print: text that breaks as Chinese does, boxes, and QR codes as sharp as the printer is."""

from collections.abc import Sequence
from datetime import datetime

import segno
from fpdf import FPDF
from fpdf.fonts import TTFFont

from wx_backend.printing.fonts import PROBE, Face, NoFont

Colour = tuple[int, int, int]
POINT = 25.4 / 72  # millimetres
LEADING = 1.36  # Chinese needs air between its lines
NOT_FIRST = "，。、；：！？）》”’…—·"  # what never begins a line
NOT_LAST = "（《“‘"
QUIET = 4  # modules of white around a code, as the standard wants


class Pen:
    """Draws on the pages of one PDF; everything is in millimetres from the upper left, sizes of type in points."""

    def __init__(self, size: tuple[float, float], regular: Face, bold: Face, title: str, made_at: datetime) -> None:
        self.pdf = FPDF(unit="mm", format=size)
        self.pdf.set_auto_page_break(False)
        self.pdf.set_margin(0)
        self.pdf.c_margin = 0
        self.pdf.set_title(title)
        self.pdf.set_lang("zh-CN")
        self.pdf.set_creation_date(made_at)
        for style, face in (("", regular), ("B", bold)):
            self._add(style, face)

    def _add(self, style: str, face: Face) -> None:
        try:
            self.pdf.add_font("sheet", style, str(face.path), collection_font_number=face.number)
        except Exception as error:  # whatever fontTools finds wrong in a file
            raise NoFont(f"print.font: {face.path.name} cannot be used ({type(error).__name__})") from error
        known = getattr(self.pdf.fonts["sheet" + style], "cmap", {})
        if any(ord(char) not in known for char in PROBE):
            self.close()
            raise NoFont(f"print.font: {face.path.name} has no Chinese characters")

    def page(self) -> None:
        """A new page."""
        self.pdf.add_page()

    def box(self, x: float, y: float, width: float, height: float, fill: Colour, radius: float = 0) -> None:
        """A filled box."""
        self.pdf.set_fill_color(*fill)
        if radius:
            self.pdf.rect(x, y, width, height, style="F", round_corners=True, corner_radius=radius)
        else:
            self.pdf.rect(x, y, width, height, style="F")

    def line(self, x: float, y: float, to_x: float, to_y: float, colour: Colour, width: float = 0.3) -> None:
        """A straight line."""
        self.pdf.set_draw_color(*colour)
        self.pdf.set_line_width(width)
        self.pdf.line(x, y, to_x, to_y)

    def lines(self, text: str, points: float, width: float, bold: bool = False) -> list[str]:
        """The text in lines no wider than `width`."""
        self._type(points, bold)
        found, line = list[str](), ""
        for char in text:
            if line and self.pdf.get_string_width(line + char) > width and char not in NOT_FIRST:
                carried = line[-1] if line[-1] in NOT_LAST else ""
                found.append(line.removesuffix(carried) if carried else line)
                line = carried
            line += char
        return [*found, line] if line else found

    def height(self, lines: int, points: float) -> float:
        """How high so many lines stand."""
        return lines * points * POINT * LEADING

    def write(
        self, x: float, y: float, text: str | Sequence[str], points: float, colour: Colour, *, bold: bool = False,
        width: float = 0, align: str = "L",
    ) -> float:  # fmt: skip
        """Lines of text from `y` down; answers where the next thing may stand."""
        self._type(points, bold)
        self.pdf.set_text_color(*colour)
        step = points * POINT * LEADING
        for line in [text] if isinstance(text, str) else text:
            self.pdf.set_xy(x, y)
            self.pdf.cell(width or self.pdf.get_string_width(line), step, line, align=align)
            y += step
        return y

    def width(self, text: str, points: float, bold: bool = False) -> float:
        """How wide a line is."""
        self._type(points, bold)
        return float(self.pdf.get_string_width(text))

    def qr(self, x: float, y: float, size: float, text: str) -> None:
        """A QR code in a square of `size`, its quiet zone included, black on white."""
        matrix = [[bool(dark) for dark in row] for row in segno.make(text, error="m", micro=False).matrix]
        module = size / (len(matrix) + 2 * QUIET)
        self.box(x, y, size, size, (255, 255, 255))
        self.pdf.set_fill_color(0, 0, 0)
        for n, row in enumerate(matrix):
            start = None
            for m, dark in enumerate([*row, False]):
                if dark and start is None:
                    start = m
                elif not dark and start is not None:
                    # Runs in one piece: between single modules a printer would leave hairlines.
                    self.pdf.rect(
                        x + (QUIET + start) * module, y + (QUIET + n) * module, (m - start) * module, module * 1.01,
                        style="F",
                    )  # fmt: skip
                    start = None

    def out(self) -> bytes:
        """The whole PDF; then nothing more is written."""
        made = bytes(self.pdf.output())
        self.close()
        return made

    def close(self) -> None:
        """Let go of the font files."""
        for font in self.pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def _type(self, points: float, bold: bool) -> None:
        self.pdf.set_font("sheet", "B" if bold else "", points)
