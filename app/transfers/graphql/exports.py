"""Exports: asking for a file, following it, fetching it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry
from strawberry import UNSET

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.enums import explained_enum
from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.core.graphql.instants import instant
from app.core.graphql.node import IdArgument, Node
from app.core.graphql.pages import After, First, PageInfo, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.graphql.step_up import StepUp, StepUpRequiredError
from app.identity.permissions import Permission
from app.notifications.live import changes
from app.queues.graphql.inputs import KEY
from app.tenants.graphql.results import LimitReachedError
from app.transfers import files
from app.transfers.exports import errors, models, repository, rules, service
from app.transfers.exports.events import EXPORT
from app.transfers.formats import kinds
from app.transfers.graphql.loaders import files_by_id
from app.transfers.graphql.results import PermissionsMissingError
from app.transfers.models import File

LazyQueue = Annotated["Queue", strawberry.lazy("app.queues.graphql.types")]  # type: ignore[name-defined]  # noqa: F821

ExportKind = explained_enum(
    models.ExportKind,
    "What is exported, and the permission that takes besides `export:write`.",
    SESSIONS="Every session, by the time it joined, with wait and service in seconds (`session:read`).",
    FACTS="Every visit of a session in a queue, by the time it entered, as figures are made of it (`analytics:read`).",
    ROLLUPS=(
        "What visits add up to by hour on the queue's clock: all together, by category, priority, counter and member "
        "of staff; quantiles within 1 % (`analytics:read`)."
    ),
    EVENTS="The log of everything that was changed, by the time it happened (`audit:read`).",
    NOTIFICATIONS="Every message, by the time it was made (`notification:read`).",
    USERS="Every user, by the time they were created (`user:read`).",
    QUEUES="Every queue, by the time it was created, with what an import of queues takes (`queue:read`).",
)
ExportFormat = explained_enum(
    kinds.FileFormat,
    "What a file is written as. Columns have the same names in all of them.",
    called="ExportFormat",
    CSV=(
        "RFC 4180 in UTF-8 with a header; times in ISO 8601 (UTC), nothing for null. A text that a spreadsheet would "
        "run as a formula has an apostrophe before it."
    ),
    JSON="One array of objects.",
    JSON_LINES="An object to a line.",
    XLSX=(
        "A workbook for Excel: times are dates in UTC, texts are never formulas; what is more than 1,048,575 rows goes "
        "on in the next sheet, and what is more than 32,767 characters is cut off."
    ),
    PARQUET="Apache Parquet with typed columns: times are UTC instants in microseconds, JSON is text.",
)
ExportStatus = explained_enum(
    models.ExportStatus,
    "How far an export is.",
    WAITING="Nobody has begun yet; within seconds somebody does.",
    RUNNING="The file is being made; `doneRows` of `totalRows` are in it.",
    DONE="The file is there, for 7 days.",
    FAILED="There is no file; `failure` says why.",
    CANCELLED="Somebody did not want it any more.",
)


@strawberry.type(description="Rows of one kind as a file, as they were at one instant.")
class Export(Node):
    queue_key: strawberry.Private[UUID | None]
    file_key: strawberry.Private[UUID | None]
    kind: ExportKind = strawberry.field(description="What is in it.")  # type: ignore[valid-type]
    format: ExportFormat = strawberry.field(description="What it is written as.")  # type: ignore[valid-type]
    personal_data: bool = strawberry.field(
        description="Whether it has the columns that say who people are: contacts, identifiers, texts, addresses."
    )
    from_: datetime | None = strawberry.field(name="from", description="From then on; null: from the beginning.")
    to: datetime | None = strawberry.field(description="Up to then, exclusive; null: to the end.")
    status: ExportStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    done_rows: int = strawberry.field(description="How many rows are written.")
    total_rows: int | None = strawberry.field(description="How many there are; null until they were counted.")
    length: int | None = strawberry.field(description="Of the file, in bytes; null until it is there.")
    failure: str | None = strawberry.field(description="Why it failed; else null.")
    revision: int = strawberry.field(description="Grows with everything that happens to it but progress.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    created_by: str = strawberry.field(description="By whom: `USER:<uuid>` or `API_KEY:<uuid>`.")
    started_at: datetime | None = strawberry.field(description="When its making was begun last; null before.")
    finished_at: datetime | None = strawberry.field(description="When it was done, failed or cancelled.")

    @strawberry.field(
        description=(
            "Where the file can be fetched, without a token, for 15 minutes from now; each fetch is recorded. Null if "
            "there is none or no more, and for whoever may not see what is in it."
        )
    )
    async def download_url(self, info: Info) -> str | None:
        """Signed anew each time."""
        file = await self._file(info.context)
        may = all(info.context.actor.may(each) for each in rules.permissions(self.kind, personal=self.personal_data))
        runtime = info.context.runtime
        return None if file is None or not may else files.link(runtime.settings, file, runtime.clock.now())

    @strawberry.field(
        description=(
            "Until when the file is there, 7 days. Null if there is none or no more: one with personal data goes when "
            "somebody is erased (`personErase`)."
        )
    )
    async def download_ends_at(self, info: Info) -> datetime | None:
        """As long as it is there."""
        file = await self._file(info.context)
        return None if file is None else file.expires_at

    @strawberry.field(description="Of which queue alone; null: of all.")
    async def queue(self, info: Info) -> LazyQueue | None:
        """Loaded for all exports of the answer at once."""
        from app.queues.graphql.loaders import queues_by_id

        if self.queue_key is None:
            return None
        return await info.context.loader(queues_by_id, self.tenant_key).load(self.queue_key)

    async def _file(self, context: Context) -> File | None:
        if self.file_key is None or self.status is not models.ExportStatus.DONE:
            return None
        return await context.loader(files_by_id, self.tenant_key).load(self.file_key)

    @classmethod
    def of(cls, row: models.Export) -> "Export":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            queue_key=row.queue_id,
            file_key=row.file_id,
            kind=row.kind,
            format=row.format,
            personal_data=row.personal,
            from_=row.from_at,
            to=row.to_at,
            status=row.status,
            done_rows=row.done_rows,
            total_rows=row.total_rows,
            length=row.file_length,
            failure=row.failure,
            revision=row.revision,
            created_at=row.created_at,
            created_by=row.created_by,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )


@strawberry.type(description="An export and its cursor.")
class ExportEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Export = strawberry.field(description="The export.")


@strawberry.type(description="A page of exports, newest first.")
class ExportConnection:
    edges: list[ExportEdge] = strawberry.field(description="The exports.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.input(description="What is wanted as a file.")
class ExportCreateInput:
    kind: ExportKind = strawberry.field(description="What is in it.")  # type: ignore[valid-type]
    format: ExportFormat = strawberry.field(description="What it is written as.")  # type: ignore[valid-type]
    personal_data: bool | None = strawberry.field(
        default=UNSET,
        description=(
            "With the columns that say who people are; takes the permission `export:personal`. Default false: these "
            "columns are not in the file."
        ),
    )
    queue_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of one queue alone, archived or not; not for USERS. Default: of all."
    )
    from_: datetime | None = strawberry.field(name="from", default=None, description="From then on. Default: all.")
    to: datetime | None = strawberry.field(default=None, description="Up to then, exclusive. Default: all.")
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)

    def new(self, context: Context) -> service.NewExport:
        """As the verb understands it."""
        return service.NewExport(
            kind=self.kind,
            format=self.format,
            personal=bool(self.personal_data),
            queue_id=None if self.queue_id is None else context.ref("Queue", self.queue_id).id,
            from_at=instant("from", self.from_),
            to_at=instant("to", self.to),
            idempotency_key=self.idempotency_key,
        )


@strawberry.input(description="Which export nobody wants any more.")
class ExportCancelInput:
    export_id: strawberry.ID = strawberry.field(description="One that is not over.")


@error_type(errors.TooManyExports, "So many exports are under way already.")
class TooManyExportsError(UserError):
    maximum: int = strawberry.field(description="How many may be.")


@error_type(errors.ExportOver, "What is done, has failed or is cancelled cannot be cancelled.")
class ExportOverError(UserError):
    pass


@strawberry.type(description="A job makes the file; follow it with `exportChanged`.")
class ExportCreateSuccess:
    export: Export = strawberry.field(description="As it is now.")


@strawberry.type(description="No file is made, and what was made of it is destroyed.")
class ExportCancelSuccess:
    export: Export = strawberry.field(description="As it is now.")


ExportCreateResult = Annotated[
    ExportCreateSuccess
    | InvalidInputError
    | LimitReachedError
    | TooManyExportsError
    | PermissionsMissingError
    | IdempotencyConflictError
    | StepUpRequiredError,
    strawberry.union("ExportCreateResult", description="What `exportCreate` answers."),
]
ExportCancelResult = Annotated[
    ExportCancelSuccess | ExportOverError,
    strawberry.union("ExportCancelResult", description="What `exportCancel` answers."),
]


@strawberry.type
class ExportQuery:
    @strawberry.field(
        description="The business's exports, newest first; those that were over 90 days ago are not kept.",
        extensions=[Requires(Permission.EXPORT_WRITE)],
    )
    async def exports(self, info: Info, first: First, after: After = None) -> ExportConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(ExportConnection, ExportEdge, page, Export.of)


@strawberry.type
class ExportMutation:
    @strawberry.mutation(
        description=(
            "Have rows written to a file, in the background. Takes the permission to see what is in it as well, named "
            "by the kind. The file counts against `storageMegabytes`; 5 exports of a business may be under way."
        ),
        extensions=[StepUp("personal_data"), Requires(Permission.EXPORT_WRITE)],
    )
    async def export_create(self, info: Info, input: ExportCreateInput) -> ExportCreateResult:
        new = input.new(info.context)
        async with info.context.write() as tx:
            row = await service.create(tx, new)
        return ExportCreateSuccess(export=Export.of(row))

    @strawberry.mutation(
        description="Stop an export that is not over.",
        extensions=[Requires(Permission.EXPORT_WRITE)],
    )
    async def export_cancel(self, info: Info, input: ExportCancelInput) -> ExportCancelResult:
        ref = info.context.ref("Export", input.export_id)
        async with info.context.write() as tx:
            row = await service.cancel(tx, ref.id)
        return ExportCancelSuccess(export=Export.of(row))


@strawberry.type
class ExportSubscription:
    @strawberry.subscription(
        description="An export, now and whenever it or its progress changes, at most twice a second. Ends with it.",
        extensions=[Requires(Permission.EXPORT_WRITE)],
    )
    async def export_changed(self, info: Info, export_id: IdArgument) -> AsyncIterator[Export]:
        context = info.context
        ref = context.ref("Export", export_id)
        shown: tuple[int, int, int | None] | None = None
        async for _ in changes(context.runtime.bus, f"{EXPORT}:{ref.id}"):
            async with context.read() as tx:
                row = await repository.get(tx, ref.id)
            if (now := (row.revision, row.done_rows, row.total_rows)) != shown:
                shown = now
                yield Export.of(row)
            if row.finished_at is not None:
                return


async def export_node(context: Context, ref: Ref) -> Export:
    """An export by node id."""
    context.actor.require_in(ref.tenant_id, Permission.EXPORT_WRITE)
    async with context.read(ref.tenant_id) as tx:
        return Export.of(await repository.get(tx, ref.id))


NODES = {"Export": export_node}
