"""ID tokens (OpenID Connect Core 1.0, 3.1.3.7; JWS RFC 7515): signature and claims. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import extract_compact

SKEW_S = 60.0
_LONGEST = 16_384
_SMALLEST_RSA_BITS = 2048
_ALGORITHMS = ("RS256", "PS256", "ES256")


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
    claims = _verified(token, keys)
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
    if expires < now_s - SKEW_S or made > now_s + SKEW_S:
        raise TokenError("too old, or the clocks differ")
    if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
        raise TokenError("without a subject")
    return claims


def _verified(token: str, keys: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The claims, once one of the keys is found to have signed them."""
    if len(token) > _LONGEST:
        raise TokenError("not a signed token")
    try:
        head = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, RecursionError):
        raise TokenError("not a signed token") from None
    if head.get("alg") not in _ALGORITHMS:
        # Among them `none`, and the symmetric ones.
        raise TokenError("signed in a way that is not accepted")
    kid = head.get("kid")
    for key in keys:
        if kid is not None and key.get("kid") not in (None, kid):
            continue
        try:
            return jwt.decode(token, _key(key), algorithms=_ALGORITHMS).claims
        except (JoseError, ValueError, RecursionError):
            continue
    raise TokenError("signed by none of the issuer's keys")


def _key(told: Mapping[str, Any]) -> RSAKey | ECKey:
    if told.get("kty") == "EC":
        return ECKey.import_key(dict(told))
    found = RSAKey.import_key(dict(told))
    if found.public_key.key_size < _SMALLEST_RSA_BITS:
        raise TokenError("the issuer's key is too short")
    return found
