"""Where an attempt to sign in comes from, as a request says. Not to be believed for more than the log."""

from app.context import Context
from app.identity.proofs import Source


def source_of(context: Context) -> Source:
    """Of this operation."""
    return Source(context.address, context.agent, context.request_id)
