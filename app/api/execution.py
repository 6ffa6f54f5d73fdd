"""The schema as it is served: limits, cached documents, public errors, and subscriptions that do not leak.

Knows no type of the product; `schema.py` hands them in.
"""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

import strawberry
from graphql import GraphQLError
from graphql.execution import Executor
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import DisableIntrospection, SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exception_handlers import ExceptionHandler
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from app.api.errors import public_errors
from app.api.limits import DocumentCache, DocumentChecks, Limits
from app.api.prepared import Prepared, PreparedOperations, Unusual
from app.api.settled import SettledNames, settle_input_types

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
    """A Strawberry schema whose results may be sent to anybody: every error in them is public and has a code."""

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
        **rest: Any,
    ) -> None:
        documents = DocumentCache(limits or Limits())
        config = config or StrawberryConfig()
        config.name_converter = SettledNames(auto_camel_case=config.name_converter.auto_camel_case)
        super().__init__(
            query=query,
            mutation=mutation,
            subscription=subscription,
            types=types,
            extensions=[lambda: DocumentChecks(documents), *extensions],
            execution_context_class=PerEventExecutor,
            config=config,
            exception_handlers=exception_handlers,
            **rest,
        )
        settle_input_types(self)
        self._documents = documents
        # Hooks of others would have to be called.
        self._prepared = PreparedOperations(self) if set(extensions) <= {DisableIntrospection} else None

    async def execute(  # type: ignore[override]
        self,
        query: str | None,
        /,
        *,
        variable_values: dict[str, Any] | None = None,
        context_value: Any = None,
        operation_name: str | None = None,
        **arguments: Any,
    ) -> ExecutionResult:
        """Run one operation."""
        prepared = self._prepared_for(query, operation_name)
        if prepared is not None and prepared.kind in (arguments.get("allowed_operation_types") or _ANY):
            try:
                return _public(await prepared.run(variable_values, context_value), operation_name)
            except Unusual:
                pass  # nothing has been called
        return await self.execute_ordinarily(
            query,
            variable_values=variable_values,
            context_value=context_value,
            operation_name=operation_name,
            **arguments,
        )

    async def execute_ordinarily(self, *arguments: Any, **keywords: Any) -> ExecutionResult:
        """Run one operation as Strawberry does, prepared or not: the reference."""
        try:
            result = await super().execute(*arguments, **keywords)
        except CannotGetOperationTypeError as problem:
            result = _not_executed(problem.as_http_error_reason(), problem)
        except (InvalidOperationTypeError, MissingQueryError) as problem:
            result = _not_executed("No operation to run.", problem)
        return _public(result, keywords.get("operation_name"))

    async def stream(self, *arguments: Any, **keywords: Any) -> AsyncGenerator[Any, None]:
        """Run one operation of any kind; subscriptions give many results."""
        results = await super().stream(*arguments, **keywords)
        return self._public_results(results, keywords.get("operation_name"))

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: the stock method logs whole queries with their literals. `public_error` logs what is unexpected."""

    def _prepared_for(self, query: str | None, operation_name: str | None) -> Prepared | None:
        if self._prepared is None or query is None:
            return None
        found = self._prepared.get(query, operation_name)
        if found is None and (checked := self._documents.get(query)) is not None and checked.errors == []:
            # It has come before, and is likely to come again.
            return self._prepared.prepare(query, operation_name, checked.document)
        return found

    async def _public_results(
        self, results: AsyncGenerator[Any, None], operation_name: str | None
    ) -> AsyncGenerator[Any, None]:
        # An extension would do as well, but not for what extensions themselves raise, and at a higher price per event.
        async with aclosing(results):
            async for result in results:
                yield _public(result, operation_name)


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
