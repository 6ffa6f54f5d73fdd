"""Mutations of admissions. Whoever shows an admission token is the visitor it names."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import strawberry

from app.admission import service
from app.admission.graphql import inputs, results
from app.admission.graphql.types import Admission
from app.admission.service import Admitted, Bearer
from app.context import Context, Info
from app.core.actor import ActorKind
from app.core.addresses import address_hash, address_key
from app.core.db import WriteTx
from app.core.errors import BadInput, InvalidInput, Unauthenticated
from app.core.graphql.permissions import Checked, Requires
from app.identity.permissions import Permission
from app.sessions.errors import SessionMoved
from app.sessions.graphql.loaders import session_ref

BEARER = "For whoever shows the admission token, or the session's visitor (session token)."


async def _bearer(context: Context, token: str | None, address: str | None = None) -> Bearer:
    """Who shows a token. Raises `AdmissionInvalid`, `InvalidInput`, `Unauthenticated`, `BadInput`, `TenantClosed`."""
    if token is not None:
        claims = await context.runtime.admissions.read(token)
        await context.enter(claims.tenant_id)
        return Bearer(claims.tenant_id, claims.session_id, claims, _hash(context, claims.tenant_id, address))
    actor = context.actor
    if actor.kind is not ActorKind.VISITOR or actor.tenant_id is None or actor.id is None:
        message = "Send the admission token as `token`, or a visitor's session token as `Authorization: Bearer …`."
        raise Unauthenticated(message) if actor.kind is ActorKind.ANONYMOUS else BadInput(message)
    return Bearer(actor.tenant_id, actor.id)


def _hash(context: Context, tenant_id: UUID, address: str | None) -> str | None:
    hashed = address_hash(address_key(context.runtime.settings.secret, tenant_id), address)
    if address is not None and hashed is None:
        raise InvalidInput("address", "An address is an IPv4 or IPv6 address, without a port or a prefix.")
    return hashed


async def _change(
    context: Context, bearer: Bearer, verb: Callable[[WriteTx, Bearer], Awaitable[Admitted]]
) -> Admission:
    while True:
        try:
            async with context.runtime.dbs.app.write(
                bearer.tenant_id, bearer.actor, context.request_id, context.origin
            ) as tx:
                admitted = await verb(tx, bearer)
            return Admission.of(admitted.session, admitted.revision, is_bearers=True)
        except SessionMoved:
            continue


@strawberry.type
class AdmissionMutation:
    @strawberry.mutation(
        description=(
            "Enter the protected site: the claim window is over, the stay begins. The site calls this when a visitor "
            "comes with a token, and keeps the fresh one it gets. A token lets in once; send an `idempotencyKey`, so "
            "that a retry is not taken for somebody else. For who is inside already (shown by a token of the stay, or "
            "the session token) nothing happens."
        ),
        extensions=[Checked(BEARER)],
    )
    async def admission_enter(self, info: Info, input: inputs.AdmissionEnterInput) -> results.AdmissionEnterResult:
        bearer = await _bearer(info.context, input.token, input.address)
        admission = await _change(
            info.context, bearer, lambda tx, bearer: service.enter(tx, bearer, input.idempotency_key)
        )
        return results.AdmissionEnterSuccess(admission=admission)

    @strawberry.mutation(
        description=(
            "Begin the stay anew, at half of it say. Any token of the stay will do. Within a tenth of the stay, at "
            "most a minute, after the last time nothing happens: the answer has the token that is there."
        ),
        extensions=[Checked(BEARER)],
    )
    async def admission_renew(self, info: Info, input: inputs.AdmissionRenewInput) -> results.AdmissionRenewResult:
        bearer = await _bearer(info.context, input.token, input.address)
        return results.AdmissionRenewSuccess(admission=await _change(info.context, bearer, service.renew))

    @strawberry.mutation(
        description=(
            "Give the place back; it is the next one's at once. Whoever is inside has been served, whoever was only "
            "released has cancelled. Nothing happens if the visitor has left before."
        ),
        extensions=[Checked(BEARER)],
    )
    async def admission_leave(self, info: Info, input: inputs.AdmissionLeaveInput) -> results.AdmissionLeaveResult:
        bearer = await _bearer(info.context, input.token)
        return results.AdmissionLeaveSuccess(admission=await _change(info.context, bearer, service.leave))

    @strawberry.mutation(
        description=(
            "Ask whether a token is good now. Sites that verify offline need not: this tells them in addition what "
            "has been revoked or given back since. With `consume` a token can be used once only, for one order, say."
        ),
        extensions=[Checked("For whoever shows the admission token.")],
    )
    async def admission_verify(self, info: Info, input: inputs.AdmissionVerifyInput) -> results.AdmissionVerifyResult:
        context = info.context
        bearer = await _bearer(context, input.token, input.address)
        if input.consume:
            async with context.runtime.dbs.app.write(
                bearer.tenant_id, bearer.actor, context.request_id, context.origin
            ) as tx:
                found = await service.use(tx, bearer)
        else:
            async with context.read(bearer.tenant_id) as tx:
                found = await service.verify(tx, bearer, context.runtime.clock.now())
        return results.AdmissionVerifySuccess(
            admission=Admission.of(found.session, found.revision, is_bearers=True), is_consumed=found.is_used
        )

    @strawberry.mutation(
        description=(
            "Send somebody away who was released or is inside; the place is the next one's at once. A site that "
            "verifies offline learns of it when the token is over, or when it renews."
        ),
        extensions=[Requires(Permission.SESSION_WRITE)],
    )
    async def admission_revoke(self, info: Info, input: inputs.AdmissionRevokeInput) -> results.AdmissionRevokeResult:
        context = info.context
        ref = session_ref(context, input.session_id, Permission.SESSION_WRITE)
        while True:
            try:
                async with context.write() as tx:
                    revoked = await service.revoke(tx, ref.id, input.reason)
                break
            except SessionMoved:
                continue
        return results.AdmissionRevokeSuccess(
            admission=Admission.of(revoked.session, revoked.revision, is_bearers=False)
        )
