"""Making and examining certificates; no I/O."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KeyType = Literal["ecdsa-p256", "rsa-2048", "rsa-3072"]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
CLOCK_SKEW = timedelta(minutes=5)
"""A client whose clock is behind by less still accepts a new certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """PEM texts of a certificate just made."""

    ca: bytes
    certificate: bytes
    """The server's certificate, then the CA's."""
    key: bytes


def new_key(kind: KeyType) -> Key:
    if kind == "ecdsa-p256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.removeprefix("rsa-")))


def issue(
    *, common_name: str, names: Sequence[str], days: int, key_type: KeyType, now: datetime
) -> Issued:
    """Make a CA, let it sign one certificate, and forget its key."""
    ca_key, key = new_key("ecdsa-p256"), new_key(key_type)
    start = now - CLOCK_SKEW
    span = (start, start + timedelta(days=days))
    ca = _authority(ca_key, f"{common_name} staging CA", span)
    leaf = _builder(_name(common_name), ca.subject, key.public_key(), span)
    certificate = _for_server(leaf, key, ca, names).sign(ca_key, hashes.SHA256())
    return Issued(
        ca=_pem(ca),
        certificate=_pem(certificate) + _pem(ca),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _authority(key: Key, name: str, span: tuple[datetime, datetime]) -> x509.Certificate:
    subject = _name(name)
    builder = _builder(subject, subject, key.public_key(), span)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def _for_server(
    builder: x509.CertificateBuilder, key: Key, ca: x509.Certificate, names: Sequence[str]
) -> x509.CertificateBuilder:
    usage = _usage(digital_signature=True, key_encipherment=isinstance(key, rsa.RSAPrivateKey))
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(usage, critical=True)
    for extension in (purpose, issuer, alternatives):
        builder = builder.add_extension(extension, critical=False)
    return builder


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    span: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(span[0])
        .not_valid_after(span[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(**given: bool) -> x509.KeyUsage:
    names = (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    )
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the DNS names and addresses of a certificate; its common name doesn't count."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    addresses = extension.value.get_values_for_type(x509.IPAddress)
    return [
        *extension.value.get_values_for_type(x509.DNSName),
        *(str(address) for address in addresses),
    ]


def missing_names(certificate: x509.Certificate, wanted: Sequence[str]) -> list[str]:
    present = {_canonical(name) for name in names_of(certificate)}
    return [name for name in wanted if _canonical(name) not in present]


def _canonical(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def key_kind(public: CertificatePublicKeyTypes) -> str:
    """Say type and size in the plan's spelling, such as `ecdsa-p256` or `rsa-2048`."""
    match public:
        case ec.EllipticCurvePublicKey():
            curve = public.curve.name
            return "ecdsa-p256" if curve == "secp256r1" else f"ecdsa-{curve}"
        case rsa.RSAPublicKey():
            return f"rsa-{public.key_size}"
    return type(public).__name__


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def same_key(certificate: x509.Certificate, key: bytes) -> bool:
    """Tell whether a private key, PEM, belongs to a certificate."""
    private = serialization.load_pem_private_key(key, None)
    return _public_bytes(private.public_key()) == _public_bytes(certificate.public_key())


def _public_bytes(public: object) -> bytes:
    encode = getattr(public, "public_bytes")  # noqa: B009  # not every type of key has it
    encoded: bytes = encode(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encoded


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a set of certificate, key and CA must be."""

    names: Sequence[str]
    days: int
    key_type: KeyType


def faults(
    *, ca: bytes, certificate: bytes, key: bytes, wanted: Wanted, now: datetime
) -> list[str]:
    """Say what is wrong with a set of PEM texts; an empty list when nothing is."""
    try:
        leaf = x509.load_pem_x509_certificates(certificate)[0]
        authority = x509.load_pem_x509_certificate(ca)
        matches = same_key(leaf, key)
    except (ValueError, TypeError, IndexError) as error:
        return [f"can't be read: {error}"]
    found = []
    if not matches:
        found.append("the key is not the certificate's")
    if not signed_by(leaf, authority):
        found.append("the certificate is not signed by the CA")
    if missing := missing_names(leaf, wanted.names):
        found.append(f"the certificate lacks {', '.join(missing)}")
    if (kind := key_kind(leaf.public_key())) != wanted.key_type:
        found.append(f"the key is {kind}, not {wanted.key_type}")
    return found + _faults_of_time(leaf, wanted.days, now)


def _faults_of_time(leaf: x509.Certificate, days: int, now: datetime) -> list[str]:
    end = leaf.not_valid_after_utc
    if now < leaf.not_valid_before_utc or now >= end:
        return [f"the certificate is not valid now (until {end:%Y-%m-%d})"]
    life = end - leaf.not_valid_before_utc
    if life > timedelta(days=days):
        return [f"the certificate lives {life.days} days, not {days}"]
    return []


def utc_now() -> datetime:
    return datetime.now(UTC)
