"""A certificate authority of a private network, and a server's certificate by it."""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def private_server(folder: Path) -> ssl.SSLContext:
    """For a server at 127.0.0.1; its authority is in `ca.pem` of the folder."""
    key, authority = _key(), _key()
    ca = _builder("Authority", "Authority", authority)
    ca = ca.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    ca = ca.add_extension(_usage(signs=True), critical=True)
    ca_identifier = x509.SubjectKeyIdentifier.from_public_key(authority.public_key())
    ca = ca.add_extension(ca_identifier, critical=False)
    here = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    server = _builder("Server", "Authority", key)
    server = server.add_extension(x509.SubjectAlternativeName([here]), critical=False)
    by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ca_identifier)
    server = server.add_extension(by, critical=False)
    (folder / "ca.pem").write_bytes(_pem(ca.sign(authority, hashes.SHA256())))
    (folder / "server.pem").write_bytes(
        _pem(server.sign(authority, hashes.SHA256()))
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _builder(name: str, by: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(by))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
