"""Keys derived from the installation's secret, and encryption with them. No algorithms of our own."""

import hashlib
import hmac
import os

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes for one purpose; knowing one derived key tells nothing about another."""
    return hmac.new(secret.encode(), purpose.encode(), hashlib.sha256).digest()


def canonical(*parts: object) -> bytes:
    """Plain values and dataclasses of them as bytes, to be hashed and compared.

    The same for mappings whose keys come in another order.
    """
    return orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def encrypt(key: bytes, plain: bytes, bound_to: str) -> bytes:
    """AES-256-GCM; `bound_to` must be given again to decrypt, so that a value cannot be moved to another row."""
    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to.encode())


def decrypt(key: bytes, sealed: bytes, bound_to: str) -> bytes:
    """The plain bytes; raises `cryptography.exceptions.InvalidTag` if key, text or binding is wrong."""
    return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound_to.encode())
