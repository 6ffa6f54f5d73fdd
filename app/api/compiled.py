"""Parking subscriptions: which ones, by which template, and who shares an execution. Strawberry stays the reference.

A subscription that has sent its newest item is parked if its next items can be had without executing the document:
their bytes are then made of the last item's, or are the same as everybody's. All else goes on ordinarily.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from graphql import FragmentDefinitionNode, GraphQLObjectType, OperationDefinitionNode, get_named_type, parse
from graphql.execution.collect_fields import FragmentDetails, collect_fields, collect_subfields
from graphql.execution.values import get_variable_values
from strawberry.utils.aio import aclosing

from app.api.transport import Executable, OperationContext, OperationRequest, result_payload
from app.core.actor import Actor, ActorKind
from app.core.live.fanout import Gapped, Parkable, Parked, Seat, SharedFeed, object_template

_ANYTHING = frozenset({"?"})
# What stands beside the first item and beside no other: it keeps nobody from being parked.
_FIRST_ITEM_ONLY = frozenset({"cost"})

MOST_SHAPES = 256
MOST_QUERY_LENGTH = 10_000
"""Longer documents are executed: shapes are kept, with the document, and an attacker chooses its length."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the result of a subscription looks like: the root's response name, and the field behind each member's."""

    root: str
    fields: Mapping[str, str]
    inner: Mapping[str, frozenset[str]]
    """The fields within a member that is an object."""


class Compiled:
    """The parked subscriptions of a process."""

    def __init__(self, schema: Executable) -> None:
        self._schema = schema
        self._shapes: OrderedDict[object, Shape | None] = OrderedDict()
        self._shared: dict[object, SharedFeed] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def park(
        self, request: OperationRequest, context: OperationContext, feed: Parkable, result: Any, seat: Seat
    ) -> Parked | None:
        """Park a subscription whose newest item is `result`, sent already; None if it has to go on by itself.

        From then on everything that follows comes out of the seat, until `cancel` or `resume`. The caller ends the
        execution.
        """
        if result.errors or not isinstance(result.data, dict) or (result.extensions or {}).keys() - _FIRST_ITEM_ONLY:
            return None
        if feed.is_shared:
            return self._share(request, context, feed, seat)
        return self._render(request, cast(Gapped, feed), result.data, seat)

    async def stop(self) -> None:
        """End what is shared, and wait for it; nobody is parked any more."""
        for feed in list(self._shared.values()):
            feed.stop()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _render(self, request: OperationRequest, feed: Gapped, data: dict[str, Any], seat: Seat) -> Parked | None:
        shape = self._shape(request)
        if shape is None or list(data) != [shape.root]:
            return None
        item = data[shape.root]
        if not isinstance(item, dict) or item.keys() != shape.fields.keys():
            return None
        values, gaps, shows_config = feed.values, {}, False
        for name, value in item.items():
            field = shape.fields[name]
            if (number := feed.gaps.get(field)) is not None:
                if value != values[number]:
                    return None
                gaps[name] = number
            elif field not in feed.row_fields and value is not None:
                if not shape.inner.get(name, _ANYTHING) <= feed.config_fields.get(field, frozenset()):
                    return None
                shows_config = True
        before = seat.before + b'{"data":{' + orjson.dumps(shape.root) + b":"
        template = object_template(before, item, gaps, b"}}" + seat.after)
        return feed.park(template, seat, shows_config=shows_config)

    def _shape(self, request: OperationRequest) -> Shape | None:
        """The document's shape with these variables; None if it cannot be told."""
        if len(request.query) > MOST_QUERY_LENGTH:
            return None
        # What is included depends on variables that are true or false, and on nothing else.
        variables = request.variables or {}
        flags = tuple((name, value) for name, value in variables.items() if isinstance(value, bool))
        key = request.query, request.operation_name, flags
        if key in self._shapes:
            self._shapes.move_to_end(key)
            return self._shapes[key]
        shape = self._shapes[key] = shape_of(self._schema, request)
        if len(self._shapes) > MOST_SHAPES:
            self._shapes.popitem(last=False)
        return shape

    def _share(self, request: OperationRequest, context: OperationContext, feed: Parkable, seat: Seat) -> Parked | None:
        try:
            variables = orjson.dumps(request.variables, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            return None  # nested deeper than is written, though it was read
        key = request.query, request.operation_name, variables, _seen_by(context.actor)
        shared = self._shared.get(key)
        if shared is None:
            leader = context.fresh()
            # Each who shares it has said so for itself; this one's socket may be gone long before the feed.
            leader.on_visit = None

            def ended() -> None:
                if self._shared.get(key) is shared:
                    del self._shared[key]

            shared = self._shared[key] = SharedFeed(lambda: self._items(request, leader), ended)
            self._tasks.add(shared.task)
            shared.task.add_done_callback(self._tasks.discard)
        return shared.join(seat, feed.revision)

    async def _items(self, request: OperationRequest, context: OperationContext) -> AsyncIterator[tuple[int, bytes]]:
        results = await self._schema.stream(
            request.query,
            variable_values=request.variables,
            context_value=context,
            operation_name=request.operation_name,
        )
        async with aclosing(results):
            async for result in results:
                if result.errors or context.feed is None:
                    return
                yield context.feed.revision, orjson.dumps(result_payload(result))


def shape_of(schema: Any, request: OperationRequest) -> Shape | None:
    """The shape of a valid subscription's results, by graphql-core's own rules for fragments and directives.

    None for everything but one root field that is an object.
    """
    core = schema._schema
    definitions = parse(request.query).definitions
    operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
    named = [node for node in operations if node.name is not None and node.name.value == request.operation_name]
    (operation,) = named if request.operation_name is not None else operations
    fragments = {
        node.name.value: FragmentDetails(node) for node in definitions if isinstance(node, FragmentDefinitionNode)
    }
    values = get_variable_values(core, operation.variable_definitions or (), request.variables or {})
    if isinstance(values, list):
        return None
    roots = collect_fields(core, fragments, values, core.subscription_type, operation)
    if len(roots.grouped_field_set) != 1:
        return None
    ((root, details),) = roots.grouped_field_set.items()
    type = get_named_type(core.subscription_type.fields[details[0].node.name.value].type)
    if not isinstance(type, GraphQLObjectType):
        return None
    members = collect_subfields(core, fragments, values, operation, type, details)
    fields, inner = {}, {}
    for name, nodes in members.grouped_field_set.items():
        fields[name] = field = nodes[0].node.name.value
        below = get_named_type(type.fields[field].type) if field in type.fields else None
        if isinstance(below, GraphQLObjectType):
            within = collect_subfields(core, fragments, values, operation, below, nodes)
            inner[name] = frozenset(each[0].node.name.value for each in within.grouped_field_set.values())
    return Shape(root, fields, inner)


def _seen_by(actor: Actor) -> object:
    """Actors with the same one are shown the same of queues and displays, which show nothing of a visitor's own."""
    return actor.kind, actor.tenant_id, actor.permissions, actor.id if actor.kind is ActorKind.USER else None
