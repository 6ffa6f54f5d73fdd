"""Reports as files: read again with another library, in every language, with names of every script."""

import re
from dataclasses import replace
from io import BytesIO
from xml.etree import ElementTree as ET

import pytest
from pypdf import PdfReader

from app.reports.content import Content, Days, ReportSection
from app.reports.languages import LANGUAGES, Language, language_for
from app.reports.languages.wording import WORDS
from app.reports.rendering import drawn, html, pdf, plots
from app.reports.rendering.fonts import SANS, pieces, shortened, width
from app.reports.rendering.scripts import visual
from tests.reports.samples import NAMES, nothing, week

EVERY = [pytest.param(language, id=tag) for tag, language in LANGUAGES.items()]
ENGLISH = LANGUAGES["en"]


@pytest.fixture(scope="module")
def content() -> Content:
    return week()


def text_of(file: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(file)).pages)


@pytest.mark.parametrize("language", EVERY)
def test_a_language_says_everything(language: Language) -> None:
    assert sorted(language.words) == sorted(WORDS)
    assert len(language.weekdays) == 7
    for name, text in language.words.items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", ENGLISH[name])), name
    # Anything it says can be drawn.
    assert all(each.text.count("□") == 0 for text in language.words.values() for each in pieces(visual(text)))


@pytest.mark.parametrize("language", EVERY)
def test_a_pdf_can_be_read_again(content: Content, language: Language) -> None:
    reader = PdfReader(BytesIO(pdf.render(content, language)))
    assert len(reader.pages) >= 3
    metadata = reader.metadata
    assert metadata is not None
    assert (metadata.title, metadata.author) == (content.title, content.tenant_name)
    fonts = {font for page in reader.pages for font in _embedded(page)}
    assert any("DejaVuSans" in font for font in fonts)
    text = "\n".join(page.extract_text() for page in reader.pages)
    for number in ("666", "31", language.number(2_000), "67" + language.decimal + "8"):
        assert number.replace("\u00a0", " ") in text, number


def test_a_day_is_compared_with_a_day(content: Content) -> None:
    day = replace(content, days_before=Days(content.days_before.first, content.days_before.first))
    assert f"Compared with {ENGLISH.day(content.days_before.first)}." in text_of(pdf.render(day, ENGLISH))
    first, last = ENGLISH.day(content.days_before.first), ENGLISH.day(content.days_before.last)
    assert f"Compared with {first} – {last}." in text_of(pdf.render(content, ENGLISH))


def test_the_scale_of_waits_says_its_unit(content: Content) -> None:
    text = text_of(pdf.render(replace(content, sections=(ReportSection.WAITS,)), ENGLISH))
    assert "Minutes" in text.splitlines()


def test_the_names_of_narrow_columns_are_whole(content: Content) -> None:
    text = text_of(pdf.render(replace(content, sections=(ReportSection.QUEUES,)), ENGLISH))
    assert "Abandonment" in text


def test_a_pdf_shows_figures_and_plots(content: Content) -> None:
    file = pdf.render(content, ENGLISH)
    text = text_of(file)
    for shown in (
        "Key figures",
        "Waiting times",
        "2,000",
        "67.8 %",
        "82.0 %",
        "P90",
        "Tue 0",
        "Очередь",
        "Zoë Müller",
        "9/11",
    ):
        assert shown in text, shown
    operations = b"".join(page.get_contents().get_data() for page in PdfReader(BytesIO(file)).pages)  # type: ignore[union-attr]
    # Three lines of waits, each with gaps at night; the fields of the heat map.
    assert operations.count(b" l\n") + operations.count(b" l ") > 100
    assert len(re.findall(rb" re\b", operations)) > 168


@pytest.mark.parametrize("language", EVERY)
def test_a_page_for_browsers_fetches_and_runs_nothing(content: Content, language: Language) -> None:
    page = html.render(content, language).decode()
    assert f'<html lang="{language.tag}" dir="{"rtl" if language.right_to_left else "ltr"}">' in page
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "&lt;b&gt;report&lt;/b&gt; &amp; more" in page
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 5
    for each in plots:
        ET.fromstring(each)
    # A clip path is found by its id, which is each plot's own.
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids)) == 5
    assert sorted(re.findall(r"url\(#(\w+)\)", page)) == sorted(set(ids) & set(re.findall(r"url\(#(\w+)\)", page)))
    for name in NAMES:
        assert name in page


def test_names_are_text_in_a_page(content: Content) -> None:
    evil = '<script>alert(1)</script>"&'
    rows = tuple(replace(row, name=evil) for row in content.queues)
    page = html.render(replace(content, title=evil, tenant_name=evil, queue_names=(evil,), queues=rows), ENGLISH)
    assert b"<script" not in page
    assert page.count(b"&lt;script&gt;alert(1)") == 4 + len(rows)
    # Nor does anything of it mean something to a PDF.
    assert "<script>alert(1)</script>" in text_of(pdf.render(replace(content, title=evil), ENGLISH))


@pytest.mark.parametrize("language", EVERY)
def test_a_week_in_which_nothing_happened_is_said_to_be_one(language: Language) -> None:
    empty = nothing()
    assert language["no_data"] in html.render(empty, language).decode()
    assert len(PdfReader(BytesIO(pdf.render(empty, language))).pages) == 1
    assert drawn.in_short(empty, language) == language["no_data"]


def test_numbers_times_and_dates_are_written_as_where_they_are_read() -> None:
    german, french, arabic = LANGUAGES["de"], LANGUAGES["fr"], LANGUAGES["ar"]
    assert [each.number(1234.5, 1) for each in (ENGLISH, german, french, arabic)] == [
        "1,234.5",
        "1.234,5",
        "1\u00a0234,5",
        "1,234.5",
    ]
    assert german.share(0.678) == "67,8 %"
    seconds = (None, 0, 59.4, 59.6, 90, 594, 600, 3_599, 3_600, 7_500)
    assert [ENGLISH.duration(each) for each in seconds] == [
        "–", "0 s", "59 s", "1.0 min", "1.5 min", "9.9 min", "10 min", "1 h 00 min", "1 h 00 min", "2 h 05 min",
    ]  # fmt: skip
    day = week().days.first
    assert [each.day(day) for each in (ENGLISH, german, french)] == ["09 Nov 2026", "09.11.2026", "09/11/2026"]


def test_the_language_is_the_first_there_is() -> None:
    assert language_for("pt-BR", "de-AT", "fr").tag == "de"
    assert language_for(None, "xx").tag == "en"


@pytest.mark.parametrize(
    ("text", "fonts"),
    [
        ("Queue", ["DejaVuSans"]),
        ("列A", ["STSong-Light", "DejaVuSans"]),
        ("日本語の列", ["HeiseiKakuGo-W5"]),
        ("대기열", ["HYGothic-Medium"]),
    ],
)
def test_each_script_has_a_font(text: str, fonts: list[str]) -> None:
    found = pieces(text)
    assert [each.font for each in found] == fonts
    assert "".join(each.text for each in found) == text


def test_what_no_font_has_is_a_box_and_what_is_too_long_ends() -> None:
    assert [each.text for each in pieces("a कत")] == ["a □□"]
    assert width("□", 8) > 0
    assert shortened("Monday", 1_000, 8) == "Monday"
    short = shortened("Wednesday", 30, 8, SANS)
    assert short.endswith("…")
    assert width(short, 8) <= 30


def test_a_text_is_broken_at_spaces_and_otherwise_anywhere() -> None:
    lines = pdf.broken("one two " + "x" * 200, 100, 8)
    assert lines[0] == "one two"
    assert "".join(lines[1:]) == "x" * 200
    assert all(width(line, 8) <= 100 for line in lines)
    assert pdf.broken("a\nb", 100, 8) == ["a", "b"]


def test_a_line_has_gaps_where_nothing_was_counted() -> None:
    plot = plots.Plot(str, ["1", "2", "3", "4", "5"], 10.0, str)
    plot.lines([plots.Row("P90", [1.0, 2.0, None, 4.0, None])])
    drawn_lines = [each for each in plot.drawing.contents if isinstance(each, plots.PolyLine)]
    dots = [each for each in plot.drawing.contents if isinstance(each, plots.Circle)]
    assert [len(each.points) for each in drawn_lines] == [4]
    assert len(dots) == 3


def _embedded(page: object) -> list[str]:
    resources = page["/Resources"]  # type: ignore[index]
    return [str(font.get_object()["/BaseFont"]) for font in resources["/Font"].values()]
