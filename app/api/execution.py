"""The schema as it is served: limits, cached documents, public errors, and subscriptions that do not leak.

Knows no type of the product; `schema.py` hands them in.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.execution import Executor
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exception_handlers import ExceptionHandler
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from app.api.documents import Cost, DocumentCache, FromCache, Limits
from app.api.documents.cost import REFUSED, Price
from app.api.errors import VALIDATION_FAILED, public_errors
from app.api.prepared import Prepared, PreparedOperations, Unusual
from app.api.settled import SettledNames, settle_input_types
from app.core.errors import CodedError

Charge = Callable[[Cost], Awaitable[None]]
"""Told what an operation costs before anything of it runs; raises a `CodedError` if that is too much."""

_ANY = frozenset(OperationType)


class PerEventExecutor(StrawberryGraphQLCoreExecutionContext):
    """Executes subscription events without keeping anything of them.

    graphql-core 3.3.1 and 3.3.2 copy the executor for each event but share the memo of collected sub-fields, whose keys
    never repeat: some 1.5 KB stay behind per event for as long as the subscription lives.
    """

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        """The copy for one event, with a memo of its own."""
        executor = super().build_per_event_executor(payload)
        executor._relevant_sub_fields = {}
        return executor


class ServedSchema(strawberry.Schema):
    """A Strawberry schema whose results may be sent to anybody: every error in them is public and has a code.

    Whoever gives `charge` is told the cost of the operation before it runs, and so is the client, in `extensions.cost`
    of the first result. What is refused before it runs costs as little as there is, and not nothing.
    """

    def __init__(
        self,
        query: type,
        mutation: type | None = None,
        subscription: type | None = None,
        *,
        types: Iterable[Any] = (),
        extensions: Iterable[type[SchemaExtension] | Any] = (),
        config: StrawberryConfig | None = None,
        exception_handlers: Iterable[ExceptionHandler[Any, Any]] = (),
        limits: Limits | None = None,
        introspection: bool = True,
        **rest: Any,
    ) -> None:
        config = config or StrawberryConfig()
        config.name_converter = SettledNames(auto_camel_case=config.name_converter.auto_camel_case)
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            extensions=[lambda: FromCache(self._documents), *extensions],
            execution_context_class=PerEventExecutor,
            config=config,
            exception_handlers=exception_handlers,
            **rest,
        )
        settle_input_types(self)
        self._documents = DocumentCache(self._schema, limits or Limits(), introspection=introspection)
        # Hooks of others would have to be called.
        self._prepared = None if tuple(extensions) else PreparedOperations(self)

    async def execute(  # type: ignore[override]
        self,
        query: str | None,
        /,
        *,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        operation_name: str | None = None,
        charge: Charge | None = None,
        **arguments: Any,
    ) -> ExecutionResult:
        """Run one operation."""
        prepared = self._prepared_for(query, operation_name)
        price = None if prepared is None else prepared.price
        cost, problems = await self._admit(query, operation_name, variable_values, charge, price)
        result: ExecutionResult | None = None
        if problems:
            result = _refusal(problems, operation_name)
        elif prepared is not None and prepared.kind in (arguments.get("allowed_operation_types") or _ANY):
            with suppress(Unusual):  # of which nothing has been called
                result = _public(await prepared.run(variable_values, context_value), operation_name)
        result = result or await self.execute_ordinarily(
            query,
            variable_values=variable_values,
            context_value=context_value,
            operation_name=operation_name,
            **arguments,
        )
        if charge is not None:
            result.extensions = self._shown(cost)
        return result

    async def execute_ordinarily(self, *arguments: Any, **keywords: Any) -> ExecutionResult:
        """Run one operation as Strawberry does, prepared or not: the reference."""
        try:
            result = await super().execute(*arguments, **keywords)
        except CannotGetOperationTypeError as problem:
            result = _not_executed(problem.as_http_error_reason(), problem)
        except (InvalidOperationTypeError, MissingQueryError) as problem:
            result = _not_executed("No operation to run.", problem)
        return _public(result, keywords.get("operation_name"))

    async def stream(  # type: ignore[override]
        self,
        query: str | None,
        /,
        *,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        operation_name: str | None = None,
        charge: Charge | None = None,
        **arguments: Any,
    ) -> AsyncGenerator[Any, None]:
        """Run one operation of any kind; subscriptions give many results."""
        cost, problems = await self._admit(query, operation_name, variable_values, charge)
        shown = None if charge is None else self._shown(cost)
        if problems:
            return _one(_refusal(problems, operation_name), shown)
        results = await super().stream(
            query,
            variable_values=variable_values,
            context_value=context_value,
            operation_name=operation_name,
            **arguments,
        )
        return self._public_results(results, operation_name, shown)

    async def _admit(
        self,
        query: str | None,
        operation_name: str | None,
        variables: dict[str, Any] | None,
        charge: Charge | None,
        price: Price | None = None,
    ) -> tuple[Cost, Sequence[GraphQLError]]:
        """What an operation costs, and why it may not run, if so. Charges for it."""
        if not query:
            return REFUSED, ()  # Strawberry says so
        problems: Sequence[GraphQLError] = ()
        if price is not None:
            cost = price.with_variables(variables)
        else:
            checked = self._documents.checked(query)
            problems = checked.problem(operation_name)
            cost = checked.cost(operation_name, variables)
        charged = cost
        if cost.points > (most := self._documents.limits.cost):
            message = f"The operation costs {cost.shown} points; at most {most} are allowed. Ask for smaller pages."
            problems, charged = [GraphQLError(message, extensions={"code": VALIDATION_FAILED})], REFUSED
        if charge is not None:
            try:
                await charge(charged)
            except CodedError as problem:
                problems = [GraphQLError(problem.message, original_error=problem)]
        return cost, problems

    def _shown(self, cost: Cost) -> dict[str, Any]:
        return {"cost": {"points": cost.points, "maximum": self._documents.limits.cost, "requests": cost.requests}}

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: the stock method logs whole queries with their literals. `public_error` logs what is unexpected."""

    def _prepared_for(self, query: str | None, operation_name: str | None) -> Prepared | None:
        if self._prepared is None or query is None:
            return None
        found = self._prepared.get(query, operation_name)
        if found is None and (checked := self._documents.known(query)) is not None and checked.document is not None:
            if (price := checked.price(operation_name)) is None:
                return None
            # It has come before, and is likely to come again.
            found = self._prepared.prepare(query, operation_name, checked.document)
            if found is not None:
                found.price = price
        return found

    async def _public_results(
        self, results: AsyncGenerator[Any, None], operation_name: str | None, shown: dict[str, Any] | None
    ) -> AsyncGenerator[Any, None]:
        # An extension would do as well, but not for what extensions themselves raise, and at a higher price per event.
        async with aclosing(results):
            async for result in results:
                if shown is not None:
                    result.extensions, shown = shown, None
                yield _public(result, operation_name)


async def _one(result: ExecutionResult, shown: dict[str, Any] | None) -> AsyncGenerator[Any, None]:
    result.extensions = shown
    yield result


def _refusal(problems: Sequence[GraphQLError], operation_name: str | None) -> ExecutionResult:
    """An operation that is not run. Nobody's `errors` are changed: they are those of all who send this text."""
    return _public(PreExecutionError(data=None, errors=list(problems)), operation_name)


def _not_executed(message: str, problem: Exception) -> PreExecutionError:
    return PreExecutionError(data=None, errors=[GraphQLError(message, original_error=problem)])


def _public(result: ExecutionResult, operation_name: str | None) -> ExecutionResult:
    if result.errors:
        errors = public_errors(result.errors, operation_name)
        if isinstance(result, PreExecutionError):
            # The source of a subscription was refused, say: nothing was executed, and so no field has failed.
            for error in errors:
                error.path = None
        result.errors = list(errors)
    return result
