"""What a protected site has to know of an installation, in one document, named as in OpenID Connect Discovery."""

from typing import Any

from app.admission.tokens import CLAIMS, TYPE
from app.settings import Settings

PATH = "/.well-known/virtual-queue"
KEYS_PATH = "/.well-known/jwks.json"


def document(settings: Settings) -> dict[str, Any]:
    """The document. It changes with the settings only."""
    base = settings.base_url
    return {
        "issuer": settings.issuer,
        "jwks_uri": f"{base}{KEYS_PATH}",
        "graphql_endpoint": f"{base}/graphql",
        "waiting_page": f"{base}/wait/{{queue}}?return={{url}}",
        "admission_token_type": TYPE,
        # All that a key of the set may have; each key names its own.
        "admission_token_signing_alg_values_supported": ["RS256", "Ed25519"],
        "claims_supported": list(CLAIMS),
    }
