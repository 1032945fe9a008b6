"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7; JWS RFC 7515): signature and claims. Pure."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

SKEW_S = 60.0
_LONGEST = 16_384
_SMALLEST_RSA_BITS = 2048
_P256_BYTES = 32


class TokenError(ValueError):
    """A token that proves nothing; the text says why and holds nothing of the token."""


def verified_claims(
    token: str,
    keys: Sequence[Mapping[str, Any]],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    now_s: float,
) -> dict[str, Any]:
    """The claims of an ID token that this issuer made for this client and this sign-in.

    Args:
        keys: JSON web keys of the issuer (RFC 7517).

    Raises:
        TokenError: malformed, signed by nobody known, for somebody else, too old, or replayed.
    """
    head, claims = _verified(token, keys)
    del head
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer:
        raise TokenError("another issuer")
    if client_id not in audiences or claims.get("azp", client_id) != client_id:
        raise TokenError("made for another client")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise TokenError("made for another sign-in")
    expires, made = claims.get("exp"), claims.get("iat")
    if not isinstance(expires, int | float) or not isinstance(made, int | float):
        raise TokenError("without its times")
    if now_s > expires + SKEW_S or made > now_s + SKEW_S:
        raise TokenError("too old, or the clocks differ")
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
        raise TokenError("without a subject")
    return claims


def _verified(
    token: str, keys: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    parts = token.split(".")
    if len(token) > _LONGEST or len(parts) != 3:
        raise TokenError("not a signed token")
    head, claims = _json(parts[0]), _json(parts[1])
    verify = _VERIFY.get(str(head.get("alg")))
    if verify is None:
        # Among them `none`, and the symmetric ones.
        raise TokenError("signed in a way that is not accepted")
    kid = head.get("kid")
    fitting = [key for key in keys if kid is None or key.get("kid") in (None, kid)]
    message = f"{parts[0]}.{parts[1]}".encode()
    for key in fitting:
        try:
            verify(key, _bytes(parts[2]), message)
        except (InvalidSignature, TokenError, ValueError):
            continue
        return head, claims
    raise TokenError("signed by none of the issuer's keys")


def _rsa(key: Mapping[str, Any]) -> rsa.RSAPublicKey:
    if key.get("kty") != "RSA":
        raise TokenError("no RSA key")
    numbers = rsa.RSAPublicNumbers(_integer(key.get("e")), _integer(key.get("n")))
    public = numbers.public_key()
    if public.key_size < _SMALLEST_RSA_BITS:
        raise TokenError("the issuer's key is too short")
    return public


def _rs256(key: Mapping[str, Any], signature: bytes, message: bytes) -> None:
    _rsa(key).verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def _ps256(key: Mapping[str, Any], signature: bytes, message: bytes) -> None:
    salted = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    _rsa(key).verify(signature, message, salted, hashes.SHA256())


def _es256(key: Mapping[str, Any], signature: bytes, message: bytes) -> None:
    if (key.get("kty"), key.get("crv")) != ("EC", "P-256") or len(signature) != 2 * _P256_BYTES:
        raise TokenError("no key on P-256")
    x, y = _integer(key.get("x")), _integer(key.get("y"))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    r, s = signature[:_P256_BYTES], signature[_P256_BYTES:]
    der = utils.encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))
    public.verify(der, message, ec.ECDSA(hashes.SHA256()))


_VERIFY: Mapping[str, Callable[[Mapping[str, Any], bytes, bytes], None]] = {
    "RS256": _rs256,
    "PS256": _ps256,
    "ES256": _es256,
}


def _json(part: str) -> dict[str, Any]:
    try:
        found = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        raise TokenError("not a signed token") from None
    if not isinstance(found, dict):
        raise TokenError("not a signed token")
    return found


def _integer(text: object) -> int:
    if not isinstance(text, str):
        raise TokenError("the issuer's key is incomplete")
    return int.from_bytes(_bytes(text), "big")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenError("not base64") from None
