"""Relay-style connections over keyset pages."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import strawberry

from app.core.db.pages import Page, PageRequest

First = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="`pageInfo.endCursor` of the page before.")]


@strawberry.type(description="Where a page ends.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow.")
    end_cursor: str | None = strawberry.field(description="Pass as `after` to get the next page; null if it is empty.")


Connection = TypeVar("Connection")


def connection(
    connection_type: type[Connection], edge_type: type, page: Page[Any], node: Callable[[Any], Any]
) -> Connection:
    """A page as a connection of the given types."""
    edges = [edge_type(cursor=cursor, node=node(row)) for row, cursor in zip(page.rows, page.cursors, strict=True)]
    info = PageInfo(has_next_page=page.has_next, end_cursor=page.cursors[-1] if page.cursors else None)
    return connection_type(edges=edges, page_info=info)  # type: ignore[call-arg]


__all__ = ["After", "First", "PageInfo", "PageRequest", "connection"]
