"""A report for browsers: one file that fetches nothing and runs nothing, with its plots as SVG in it."""

from functools import lru_cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from reportlab.graphics import renderSVG
from reportlab.graphics.shapes import Drawing

from app.reports.content import Content
from app.reports.languages import Language
from app.reports.rendering import drawn, fonts

MEDIA_TYPE: Final = "text/html"


def render(content: Content, language: Language) -> bytes:
    """The file. Whatever names and titles hold is text in it, never markup."""
    fonts.register()
    # A browser joins letters and turns lines round by itself.
    page = drawn.page(content, language, lambda text: text)
    blocks = [
        {"kind": type(block).__name__, "block": block, "svg": svg(block.drawing, at)}
        if isinstance(block, drawn.Picture)
        else {"kind": type(block).__name__, "block": block}
        for at, block in enumerate(page.blocks)
    ]
    return _template().render(page=page, language=language, blocks=blocks, tenant=content.tenant_name).encode()


def svg(drawing: Drawing, number: int) -> Markup:
    """A plot as an element; `number` tells it from others on the page, for its ids."""
    hacks: dict[str, dict[str, Any]] = {fonts.SANS: {"family": "DejaVu Sans, sans-serif"}}
    text = renderSVG.drawToString(drawing, fontHacks=hacks)
    element = text[text.index("<svg") :]
    # The clip path of each is called the same, and has another size.
    element = element.replace('id="clip"', f'id="clip{number}"').replace("url(#clip)", f"url(#clip{number})")
    return Markup(element.replace(' id="group"', ""))


@lru_cache(maxsize=1)
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("app.reports", "rendering"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
