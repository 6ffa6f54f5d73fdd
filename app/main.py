"""The API process as an ASGI application: parts built once, routes, start and stop."""

import gc
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.admission import discovery
from app.admission.tokens import AdmissionTokens
from app.api.answers import Answers
from app.api.callbacks import callbacks_route
from app.api.charges import Charges
from app.api.compiled import Compiled
from app.api.deprecated import DeprecatedParts
from app.api.errors import failures
from app.api.execution import ServedSchema
from app.api.exports import exports_route
from app.api.files import files_route
from app.api.graphiql import graphiql_assets, graphiql_page
from app.api.headers import WithHeaders
from app.api.health import health_routes
from app.api.http import GraphQLOverHTTP
from app.api.integration_callbacks import integration_callbacks_route
from app.api.occupancy import MostSockets
from app.api.opt_out import opt_out_route
from app.api.proxies import Proxies
from app.api.rating_page import rating_route
from app.api.schema import build_schema
from app.api.sign_in import SignInPages
from app.api.sockets import Sockets
from app.api.sse import GraphQLOverSSE, StreamLimits
from app.api.transport import Caller
from app.api.uploads import uploads_route
from app.api.waiting_page import WaitingPage
from app.api.websocket import GraphQLOverWebSocket, SocketLimits
from app.context import Context
from app.core.actor import Actor, ActorKind
from app.core.clock import Clock, SystemClock
from app.core.db import Aggregate, Database, Databases, Recorded
from app.core.db.urls import APP_ROLE, SYSTEM_ROLE, replica_url, role_url
from app.core.errors import CodedError
from app.core.graphql.trusted import TrustedDocuments
from app.core.limits import Bucket, Limiter
from app.core.limits.exempt import Networks
from app.core.live.bus import Bus
from app.core.live.doorbell import Doorbell
from app.core.turns import Turns
from app.deprecations.counting import Counting
from app.identity.api_keys.events import API_KEY
from app.identity.authentication import Authenticator, bearer_token
from app.identity.events import USER
from app.identity.gate import Gate
from app.identity.providers.journeys import Journeys
from app.identity.roles.events import ROLE
from app.queues.events import QUEUE
from app.runtime import Runtime
from app.sessions.arrivals import Arrivals
from app.sessions.commands import LineCommands
from app.sessions.live import LiveLines
from app.sessions.metered.presence import Presence
from app.settings import Settings, SettingsError
from app.simulation.elsewhere import Elsewhere
from app.tenants.events import TENANT

SOCKETS_PATH = "/graphql"
OPERATIONS = Path(__file__).resolve().parents[1] / "frontend-contract" / "operations"


class Application(Starlette):
    """Starlette; sockets go straight to their endpoint.

    Its middleware does nothing for them, and each layer on the way is a coroutine that every socket keeps: 3 KB in all.
    """

    def __init__(self, websocket: ASGIApp, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._websocket = websocket
        self._requests = WithHeaders(super().__call__, hsts_seconds=settings.hsts_seconds)
        self._proxies = Proxies(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Whoever asks for something: a socket, a request, the server that starts or stops."""
        await self._proxies.look_behind(scope)
        if scope["type"] == "websocket" and scope["path"] == scope.get("root_path", "") + SOCKETS_PATH:
            await self._websocket(scope, receive, send)
        else:
            await self._requests(scope, receive, send)


def build_databases(settings: Settings, clock: Clock, name: str) -> Databases:
    """Pools of the two roles, and of the replica if there is one. Platform work is rare: its pool is small."""
    return Databases(
        app=Database(
            role_url(settings, APP_ROLE),
            secret=settings.secret,
            pool_size=settings.database_pool_size,
            clock=clock,
            name=f"{name} app",
        ),
        system=Database(
            role_url(settings, SYSTEM_ROLE), secret=settings.secret, pool_size=2, clock=clock, name=f"{name} system"
        ),
        replica=None
        if (replica := replica_url(settings)) is None
        else Database(
            replica, secret=settings.secret, pool_size=settings.database_pool_size, clock=clock, name=f"{name} figures"
        ),
    )


def build_bus(settings: Settings) -> Bus:
    """The bus of an installation; `SettingsError` without a Redis URL."""
    if settings.redis_url is None:
        raise SettingsError(
            "VQ_REDIS_URL is not set: give redis://host:6379/0, or use `vq up`, which starts a server of its own."
        )
    return Bus(settings.redis_url, prefix=settings.bus_prefix)


def create_app(settings: Settings, clock: Clock | None = None, *, schema: ServedSchema | None = None) -> Starlette:
    """The application. Opens nothing before its lifespan starts.

    Whoever makes several in one process may give them one `schema`, built for the same limits: it is most of the work.
    """
    clock = clock or SystemClock()
    dbs = build_databases(settings, clock, "vq api")
    bus = build_bus(settings)
    authenticator = Authenticator(settings, dbs)
    lines = LiveLines(dbs.app, bus)
    turns = Turns()
    commands = LineCommands(dbs.app, turns)
    admissions = AdmissionTokens(settings.issuer, authenticator.keys)
    arrivals = Arrivals(dbs.app)
    limiter = Limiter(settings)
    trusted = _trusted_documents()
    gate = Gate(settings, limiter, authenticator, trusted)
    journeys = Journeys(settings, dbs)
    simulations = Elsewhere()
    runtime = Runtime(
        settings,
        clock,
        dbs,
        bus,
        lines,
        arrivals,
        turns,
        commands,
        authenticator,
        admissions,
        limiter,
        gate,
        journeys,
        simulations,
    )
    doorbell = Doorbell(bus)
    presence = Presence(dbs, clock)
    schema = schema or build_schema(settings)
    counting = Counting(dbs.system)
    answers = Answers(dbs.system, lambda: failures.count)
    charge = Charges(DeprecatedParts(schema._schema), counting, answers)

    async def context_of(caller: Caller) -> Context:
        try:
            actor = await authenticator.authenticate(bearer_token(caller.authorization))
        except CodedError:
            # Nothing of it will run and be charged for; looking a token up is work all the same.
            await gate.turned_away(caller.address)
            raise
        if (visitor := _visitor(actor)) is not None:
            presence.seen(*visitor)
        return Context(runtime, actor, caller.request_id, caller.address, caller.agent, caller.host)

    def recorded(tenant_id: UUID | None, aggregates: Mapping[Aggregate, Sequence[Recorded]]) -> None:
        doorbell.ring()
        for (kind, id), events in aggregates.items():
            if tenant_id is None:
                continue
            if kind == QUEUE:
                lines.committed(tenant_id, id, events)
            elif kind in (TENANT, USER, API_KEY, ROLE):
                authenticator.forget(tenant_id)

    def arrived(actor: Actor) -> None:
        if (visitor := _visitor(actor)) is not None:
            presence.arrived(*visitor)

    def left(actor: Actor) -> None:
        if (visitor := _visitor(actor)) is not None:
            presence.left(*visitor)

    dbs.app.on_recorded = dbs.system.on_recorded = recorded
    sockets = Sockets(
        most=MostSockets(
            in_all=settings.max_sockets,
            of_address=settings.max_sockets_per_address,
            of_caller=settings.max_sockets_per_user,
            of_tenant=settings.max_sockets_per_tenant,
            exempt=Networks(settings.rate_limit_exempt),
        ),
        bus=bus,
        reauthenticate=authenticator.reauthenticate,
        ensure_open=authenticator.ensure_tenant_open,
        on_change=authenticator.forget,
        on_arrival=arrived,
        on_departure=left,
    )
    page = graphiql_page(schema._schema, OPERATIONS) if settings.graphiql else None
    http = GraphQLOverHTTP(
        schema, context_of, page=page, charge=charge, documents=trusted, get_queries=settings.get_queries
    )
    stream_limits = StreamLimits(
        beat_seconds=settings.websocket_ping_seconds,
        stall_seconds=settings.websocket_stall_seconds,
        buffer_bytes=settings.websocket_buffer_bytes,
    )
    sse = GraphQLOverSSE(http, schema, sockets, clock=clock, limits=stream_limits)
    compiled = Compiled(schema)
    websocket = GraphQLOverWebSocket(
        schema,
        context_of,
        sockets,
        clock=clock,
        limits=SocketLimits(ping_seconds=settings.websocket_ping_seconds),
        allowed_origins=settings.cors_origins,
        compiled=compiled,
        charge=charge,
        documents=trusted,
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        await bus.start()
        await authenticator.start()
        lines.start()
        presence.start()
        # What start-up made lives as long as the process: keep it out of every collection. Collections beside a
        # fan-out cost more than the garbage they find.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 100)
        try:
            yield
        finally:
            await sockets.stop()
            await presence.stop()
            await simulations.stop()
            await compiled.stop()
            await lines.stop()
            await doorbell.close()
            await authenticator.stop()
            await counting.stop()
            await answers.stop()
            await limiter.stop()
            await bus.stop()
            await dbs.dispose()

    async def jwks(request: Request) -> Response:
        return JSONResponse(await authenticator.jwks(), headers={"Cache-Control": "public, max-age=300"})

    async def about(request: Request) -> Response:
        return JSONResponse(discovery.document(settings), headers={"Cache-Control": "public, max-age=300"})

    async def root(request: Request) -> Response:
        return RedirectResponse("/graphql")

    app = Application(
        websocket,
        settings,
        routes=[
            Route("/", root),
            graphiql_assets(),
            Route("/graphql", sse),
            WaitingPage(settings.base_url).route(),
            *SignInPages(journeys, partial(limiter.attempt, Bucket.SIGN_IN)).routes(),
            Route(discovery.KEYS_PATH, jwks),
            Route(discovery.PATH, about),
            exports_route(runtime),
            opt_out_route(runtime),
            uploads_route(runtime),
            files_route(runtime),
            rating_route(runtime),
            callbacks_route(runtime),
            integration_callbacks_route(runtime),
            *health_routes(runtime),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=["POST"],
                allow_headers=["Authorization", "Content-Type", "X-Request-Id"],
                expose_headers=["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"],
                max_age=600,
            )
        ],
        lifespan=lifespan,
    )
    app.state.runtime = runtime
    app.state.sockets = sockets
    app.state.presence = presence
    app.state.schema = schema
    app.state.charges = charge
    app.state.answers = answers
    return app


@cache
def _trusted_documents() -> TrustedDocuments:
    """Those of this installation, read once for a process."""
    return TrustedDocuments.in_folder(OPERATIONS)


def _visitor(actor: Actor) -> tuple[UUID, UUID] | None:
    """Tenant and session of whoever speaks with a session's token."""
    if actor.kind is not ActorKind.VISITOR or actor.tenant_id is None or actor.id is None:
        return None
    return actor.tenant_id, actor.id
