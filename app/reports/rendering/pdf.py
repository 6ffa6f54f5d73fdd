"""A report on paper: A4, with a font in the file. Lays out what `drawn.py` gives it, and computes nothing."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import Any, Final

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, KeepTogether, SimpleDocTemplate, Spacer, TableStyle
from reportlab.platypus import Table as PlatypusTable

from app.reports.content import Content
from app.reports.languages import Language
from app.reports.rendering import drawn, fonts
from app.reports.rendering.drawn import Block, Heading, Picture, Sentence, Table
from app.reports.rendering.fonts import BOLD, SANS
from app.reports.rendering.plots import WIDTH
from app.reports.rendering.scripts import visual

MEDIA_TYPE: Final = "application/pdf"
_MARGIN = (A4[0] - WIDTH) / 2
_INK, _FAINT, _LINE, _HEAD = HexColor("#222222"), HexColor("#666666"), HexColor("#cccccc"), HexColor("#eef3f7")
_LEADING = 1.35
_CELL_PADDING = 4.0


def render(content: Content, language: Language) -> bytes:
    """The file."""
    fonts.register()
    page = drawn.page(content, language, visual)
    paper = BytesIO()
    document = SimpleDocTemplate(
        paper,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=48,
        bottomMargin=54,
        title=page.title,
        author=content.tenant_name,
        subject=page.subtitle,
        lang=language.tag,
        # Else they have margins of their own besides.
        allowSplitting=1,
    )
    to_left = language.right_to_left
    story: list[Flowable] = [
        Lines(page.title, 18, BOLD, to_left=to_left),
        Spacer(1, 4),
        Lines(page.subtitle, 9, colour=_FAINT, to_left=to_left),
        Spacer(1, 10),
        *_flowables(page.blocks, to_left),
    ]

    def foot(canvas: Canvas, _: Any) -> None:
        number = language["page"].format(number=canvas.getPageNumber())
        for text, anchor in ((page.footer, to_left), (number, not to_left)):
            put(canvas, _MARGIN, 30, visual(text, right_to_left=to_left), 7, wide=WIDTH if anchor else None)

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return paper.getvalue()


class Lines(Flowable):
    """A text of one font size, broken where it has to be, letter by letter if there is nothing else.

    reportlab's paragraphs know one font and one direction; names come in all of them.
    """

    def __init__(
        self, text: str, size: float, font: str = SANS, *, colour: Color = _INK, to_left: bool = False
    ) -> None:
        super().__init__()
        self._text, self._size, self._font, self._colour, self._to_left = text, size, font, colour, to_left
        self._lines: list[str] = []

    def wrap(self, aW: float, aH: float) -> tuple[float, float]:  # noqa: N803 - the library's names
        """How much room it takes."""
        self._lines = broken(self._text, aW, self._size, self._font)
        self.width, self.height = aW, len(self._lines) * self._size * _LEADING
        return self.width, self.height

    def draw(self) -> None:
        """On the canvas it is given."""
        y = self.height - self._size
        for line in self._lines:
            shown = visual(line, right_to_left=self._to_left)
            put(self.canv, 0, y, shown, self._size, self._font, self._colour, self.width if self._to_left else None)
            y -= self._size * _LEADING


def put(
    canvas: Canvas,
    x: float,
    y: float,
    text: str,
    size: float,
    font: str = SANS,
    colour: Color = _FAINT,
    wide: float | None = None,
) -> None:
    """Draw a line; with `wide` it ends at the right edge of so much room."""
    if wide is not None:
        x += wide - fonts.width(text, size, font)
    canvas.setFillColor(colour)
    for piece in fonts.pieces(text, font):
        canvas.setFont(piece.font, size)
        canvas.drawString(x, y, piece.text)
        x += fonts.width(piece.text, size, font)


def broken(text: str, wide: float, size: float, font: str = SANS) -> list[str]:
    """A text in lines of at most so much width, at its spaces; a word that is longer is broken anywhere."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}" if line else word
            if fonts.width(longer, size, font) <= wide:
                line = longer
                continue
            if line:
                lines.append(line)
            *full, line = _chopped(word, wide, size, font)
            lines += full
        lines.append(line)
    return lines


def _chopped(word: str, wide: float, size: float, font: str) -> list[str]:
    found = [""]
    for each in word:
        if found[-1] and fonts.width(found[-1] + each, size, font) > wide:
            found.append("")
        found[-1] += each
    return found


def _flowables(blocks: Sequence[Block], to_left: bool) -> Iterator[Flowable]:
    for block in blocks:
        match block:
            case Heading(text=text):
                # A heading at the foot of a page has nothing under it.
                yield CondPageBreak(150)
                yield Spacer(1, 12)
                yield Lines(text, 12, BOLD, to_left=to_left)
                yield Spacer(1, 3)
            case Sentence(text=text):
                yield Lines(text, 8.5, colour=_FAINT, to_left=to_left)
                yield Spacer(1, 6)
            case Picture(drawing=drawing):
                yield KeepTogether([drawing, Spacer(1, 6)])
            case Table():
                yield _table(block, to_left)
                yield Spacer(1, 6)


def _table(table: Table, to_left: bool) -> Flowable:
    columns = len(table.head)
    first = 0.46 if columns <= 3 else 0.28
    widths = [WIDTH * first] + [WIDTH * (1 - first) / (columns - 1)] * (columns - 1)
    # So that the longest words of a narrow column's name are not broken.
    head = 7 if columns <= 5 else 6
    rows: list[list[Flowable]] = [
        [
            # Numbers stand at the far side of their column, so that they can be compared.
            Lines(text, 8 if number else head, SANS if number else BOLD, to_left=to_left == (at == 0))
            for at, text in enumerate(row)
        ]
        for number, row in enumerate((table.head, *table.rows))
    ]
    if to_left:
        rows, widths = [row[::-1] for row in rows], widths[::-1]
    style = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), _HEAD),
            ("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), _CELL_PADDING),
            ("RIGHTPADDING", (0, 0), (-1, -1), _CELL_PADDING),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ]
    )
    return PlatypusTable(rows, colWidths=widths, repeatRows=1, style=style)
