"""Imports: asking for one, sending its file, following it, and what was wrong with its rows."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated

import strawberry

from app.context import Context, Info
from app.core.db.pages import PageRequest
from app.core.graphql.enums import explained_enum
from app.core.graphql.errors import IdempotencyConflictError, InvalidInputError, UserError, error_type
from app.core.graphql.node import IdArgument, Node
from app.core.graphql.pages import After, First, PageInfo, connection
from app.core.graphql.permissions import Requires
from app.core.ids import Ref
from app.identity.graphql.step_up import StepUp, StepUpRequiredError
from app.identity.permissions import Permission
from app.notifications.live import changes
from app.queues.graphql.inputs import KEY
from app.tenants.graphql.results import LimitReachedError
from app.transfers.graphql.results import PermissionsMissingError
from app.transfers.imports import errors, models, repository, service
from app.transfers.imports.events import IMPORT

ImportKind = explained_enum(
    models.ImportKind,
    "What the rows of a file are, and the permission that takes besides `import:write`.",
    QUEUES="Queues, as `queueCreate` makes them (`queue:write`); with the columns of an export of queues.",
    USERS="Users, as `vq users import` makes them, with the password hashes of another system (`user:write`).",
    SESSIONS="Sessions of days that are over, which count in figures from then on (`session:write`).",
)
ImportFormat = explained_enum(
    models.ImportFormat,
    "How a file is read; in UTF-8.",
    called="ImportFormat",
    CSV="A header with the names of columns, then a row to a record; commas or semicolons, as in the header.",
    JSON="One array of objects.",
    JSON_LINES="An object to a line.",
)
ImportStatus = explained_enum(
    models.ImportStatus,
    "How far an import is.",
    AWAITING_FILE="Its file has to be sent to `uploadUrl`, within an hour.",
    WAITING="The file is there; nobody has begun yet.",
    RUNNING="Rows are being brought in.",
    DONE="Every row was looked at.",
    FAILED="It went no further; `failure` says why. What was made before stays.",
    CANCELLED="Somebody did not want it any more. What was made before stays.",
)


@strawberry.type(description="A file that is brought, and what becomes of its rows.")
class Import(Node):
    kind: ImportKind = strawberry.field(description="What its rows are.")  # type: ignore[valid-type]
    format: ImportFormat = strawberry.field(description="How it is read.")  # type: ignore[valid-type]
    dry_run: bool = strawberry.field(description="Whether nothing is made: every row is tried, and taken back.")
    status: ImportStatus = strawberry.field(description="How far it is.")  # type: ignore[valid-type]
    upload_ends_at: datetime = strawberry.field(description="Until when the file can be sent, an hour.")
    length: int | None = strawberry.field(description="Of the file, in bytes; null until it is there.")
    done_length: int = strawberry.field(description="Bytes whose rows have been looked at, of `length`.")
    done_rows: int = strawberry.field(description="How many rows were looked at.")
    made_rows: int = strawberry.field(description="How many of them were made; of a dry run, would be.")
    known_rows: int = strawberry.field(description="How many were there already, and stay as they are.")
    refused_rows: int = strawberry.field(description="How many were refused; `importProblems` says why.")
    failure: str | None = strawberry.field(description="Why it failed; else null.")
    revision: int = strawberry.field(description="Grows with everything that happens to it but progress.")
    created_at: datetime = strawberry.field(description="When it was asked for.")
    created_by: str = strawberry.field(description="By whom: `USER:<uuid>` or `API_KEY:<uuid>`; rows are made as them.")
    started_at: datetime | None = strawberry.field(description="When the first row was looked at; null before.")
    finished_at: datetime | None = strawberry.field(description="When it was done, failed or cancelled.")
    row: strawberry.Private[models.Import]

    @strawberry.field(
        description=(
            "Where the file is sent, as the body of a POST, without a token: at most 100,000,000 bytes. Null once it "
            "is there, or too late."
        )
    )
    def upload_url(self, info: Info) -> str | None:
        """Signed until the import waits for it no longer."""
        runtime = info.context.runtime
        return service.upload_link(runtime.settings, self.row, runtime.clock.now())

    @classmethod
    def of(cls, row: models.Import) -> "Import":
        """From its row."""
        return cls(
            tenant_key=row.tenant_id,
            key=row.id,
            row=row,
            kind=row.kind,
            format=row.format,
            dry_run=row.dry_run,
            status=row.status,
            upload_ends_at=row.upload_ends_at,
            length=row.file_length,
            done_length=row.done_length,
            done_rows=row.done_rows,
            made_rows=row.made_rows,
            known_rows=row.known_rows,
            refused_rows=row.refused_rows,
            failure=row.failure,
            revision=row.revision,
            created_at=row.created_at,
            created_by=row.created_by,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )


@strawberry.type(description="An import and its cursor.")
class ImportEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: Import = strawberry.field(description="The import.")


@strawberry.type(description="A page of imports, newest first.")
class ImportConnection:
    edges: list[ImportEdge] = strawberry.field(description="The imports.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.type(description="Why a row was refused.")
class ImportProblem:
    line: int = strawberry.field(
        description="The line of the file the row begins in, from 1; of a JSON array the number of the object."
    )
    field: str | None = strawberry.field(description="The column, where it is one.")
    message: str = strawberry.field(description="What is wrong, and what to do. Nothing of what stands there.")

    @classmethod
    def of(cls, row: models.ImportProblem) -> "ImportProblem":
        """From its row."""
        return cls(line=row.line, field=row.field, message=row.message)


@strawberry.type(description="A problem and its cursor.")
class ImportProblemEdge:
    cursor: str = strawberry.field(description="Pass as `after` to go on behind it.")
    node: ImportProblem = strawberry.field(description="The problem.")


@strawberry.type(description="A page of problems, in the file's order.")
class ImportProblemConnection:
    edges: list[ImportProblemEdge] = strawberry.field(description="The problems.")
    page_info: PageInfo = strawberry.field(description="Where the page ends.")


@strawberry.input(description="What is to be brought in.")
class ImportCreateInput:
    kind: ImportKind = strawberry.field(description="What the rows are.")  # type: ignore[valid-type]
    format: ImportFormat = strawberry.field(description="How the file is read.")  # type: ignore[valid-type]
    dry_run: bool = strawberry.field(
        default=False, description="Try every row and take it back, to see what would be refused. Default false."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which import nobody wants any more.")
class ImportCancelInput:
    import_id: strawberry.ID = strawberry.field(description="One that is not over.")


@error_type(errors.TooManyImports, "So many imports are under way already.")
class TooManyImportsError(UserError):
    maximum: int = strawberry.field(description="How many may be.")


@error_type(errors.ImportOver, "What is done, has failed or is cancelled cannot be cancelled.")
class ImportOverError(UserError):
    pass


@strawberry.type(description="Its file is awaited; send it to `uploadUrl`, and follow it with `importChanged`.")
class ImportCreateSuccess:
    import_: Import = strawberry.field(name="import", description="As it is now.")


@strawberry.type(description="It goes no further, and its file is destroyed. What was made stays.")
class ImportCancelSuccess:
    import_: Import = strawberry.field(name="import", description="As it is now.")


ImportCreateResult = Annotated[
    ImportCreateSuccess
    | InvalidInputError
    | LimitReachedError
    | TooManyImportsError
    | PermissionsMissingError
    | IdempotencyConflictError
    | StepUpRequiredError,
    strawberry.union("ImportCreateResult", description="What `importCreate` answers."),
]
ImportCancelResult = Annotated[
    ImportCancelSuccess | ImportOverError,
    strawberry.union("ImportCancelResult", description="What `importCancel` answers."),
]


@strawberry.type
class ImportQuery:
    @strawberry.field(
        description="The business's imports, newest first; those of more than 90 days ago are not kept.",
        extensions=[Requires(Permission.IMPORT_WRITE)],
    )
    async def imports(self, info: Info, first: First, after: After = None) -> ImportConnection:
        async with info.context.read() as tx:
            page = await repository.page(tx, PageRequest(first, after))
        return connection(ImportConnection, ImportEdge, page, Import.of)

    @strawberry.field(
        description="Why rows of an import were refused, in the file's order; the first 1,000.",
        extensions=[Requires(Permission.IMPORT_WRITE)],
    )
    async def import_problems(
        self, info: Info, import_id: IdArgument, first: First, after: After = None
    ) -> ImportProblemConnection:
        ref = info.context.ref("Import", import_id)
        async with info.context.read() as tx:
            await repository.get(tx, ref.id)
            page = await repository.problems(tx, ref.id, PageRequest(first, after))
        return connection(ImportProblemConnection, ImportProblemEdge, page, ImportProblem.of)


@strawberry.type
class ImportMutation:
    @strawberry.mutation(
        description=(
            "Begin to bring in queues, users or past sessions from a file, which is sent to `uploadUrl`. Each row is "
            "made by the same verb, under the same limits, as by hand; one that is refused keeps no other out. 3 "
            "imports of a business may be under way."
        ),
        extensions=[StepUp(), Requires(Permission.IMPORT_WRITE)],
    )
    async def import_create(self, info: Info, input: ImportCreateInput) -> ImportCreateResult:
        new = service.NewImport(input.kind, input.format, input.dry_run, input.idempotency_key)
        async with info.context.write() as tx:
            row = await service.create(tx, new)
        return ImportCreateSuccess(import_=Import.of(row))

    @strawberry.mutation(
        description="Go no further with an import; what was made stays.",
        extensions=[Requires(Permission.IMPORT_WRITE)],
    )
    async def import_cancel(self, info: Info, input: ImportCancelInput) -> ImportCancelResult:
        ref = info.context.ref("Import", input.import_id)
        async with info.context.write() as tx:
            row = await service.cancel(tx, ref.id)
        return ImportCancelSuccess(import_=Import.of(row))


@strawberry.type
class ImportSubscription:
    @strawberry.subscription(
        description="An import, now and whenever it or its progress changes, at most twice a second. Ends with it.",
        extensions=[Requires(Permission.IMPORT_WRITE)],
    )
    async def import_changed(self, info: Info, import_id: IdArgument) -> AsyncIterator[Import]:
        context = info.context
        ref = context.ref("Import", import_id)
        shown: tuple[int, int] | None = None
        async for _ in changes(context.runtime.bus, f"{IMPORT}:{ref.id}"):
            async with context.read() as tx:
                row = await repository.get(tx, ref.id)
            if (now := (row.revision, row.done_rows)) != shown:
                shown = now
                yield Import.of(row)
            if row.finished_at is not None:
                return


async def import_node(context: Context, ref: Ref) -> Import:
    """An import by node id."""
    context.actor.require_in(ref.tenant_id, Permission.IMPORT_WRITE)
    async with context.read(ref.tenant_id) as tx:
        return Import.of(await repository.get(tx, ref.id))


NODES = {"Import": import_node}
