"""Verify a detached OpenPGP signature with the key that a release is pinned to.

Sequoia verifies, with one exception: it rejects signatures from after the expiry of the key. Nettle 3.10.2 was signed
on 2025-06-26, and our copy of its key expired on 2025-01-15. The pinned fingerprint is trusted, not the expiry date in
an old copy of the key. In this case, the RSA signature itself is checked, as ``gpg --verify`` does when it reports
VALIDSIG with EXPKEYSIG, and the expiry is reported.
"""

from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from pysequoia import Cert, Sig, verify
from pysequoia.packet import PacketPile

from provision.common.errors import FetchError

KEYS = Path(__file__).parent / "signers"

_HASHES: dict[int, HashAlgorithm] = {8: SHA256(), 9: SHA384(), 10: SHA512()}
"""Hash algorithms by their numbers in RFC 9580, 9.5. The others, including MD5 and SHA-1, are not accepted."""


def check(data: bytes, signature: bytes, signer: str, *, keys: Path = KEYS) -> str:
    """Return the result of a signature check in words. Raises FetchError if the signature is invalid.

    ``signature`` is armored or binary, ``signer`` a fingerprint in hex, ``keys`` a folder of public keys (``*.asc``).
    Without a copy of the signer's key, the signature cannot be checked, and the result says so.
    """
    key = _key(signer, keys)
    if key is None:
        return f"not verified, because there is no copy of key {signer} here"
    made, body = _parse(signature)
    try:
        return _judged(data, made, body, key, signer)
    except RuntimeError as error:
        # This happens if this machine's clock is before the creation time of the key.
        now = datetime.now(UTC)
        raise FetchError(
            f"the signature cannot be checked: {str(error).splitlines()[0]}; this machine's clock says {now:%Y-%m-%d}"
        ) from error


def _judged(data: bytes, made: Sig, body: bytes, key: Cert, signer: str) -> str:
    good = f"good, by {signer} {_owner(key)}"
    if _is_good(data, made, key):
        return good
    if _is_younger(made, key) and _rsa_holds(data, body, key):
        return f"{good} (our copy of the key expired on {key.expiration:%Y-%m-%d})"
    issuer = (made.issuer_fingerprint or made.issuer_key_id or signer).upper()
    if not any(own.endswith(issuer) for own in _fingerprints(key)):
        raise FetchError(f"the signature is by key {issuer}, not by the pinned {signer}")
    raise FetchError(f"the signature says that it is by {signer}, but it does not fit the file")


def _key(signer: str, keys: Path) -> Cert | None:
    certificates = (Cert.from_file(str(path)) for path in sorted(keys.glob("*.asc")))
    return next((each for each in certificates if each.fingerprint.upper() == signer.upper()), None)


def _fingerprints(key: Cert) -> list[str]:
    """Return the fingerprints of the primary key and its subkeys."""
    packets = PacketPile.from_bytes(bytes(key))
    return [packet.fingerprint.upper() for packet in packets if packet.fingerprint is not None]


def _owner(key: Cert) -> str:
    """Return the name in a key's first user ID, without the mail address."""
    return str(key.user_ids[0]).split(" <")[0]


def _parse(signature: bytes) -> tuple[Sig, bytes]:
    """Return a signature, and its unmodified packet without the header; reserialising could change it."""
    try:
        return Sig.from_bytes(signature), _body(signature)
    except RuntimeError as error:
        raise FetchError("what should be its signature is no OpenPGP signature") from error


def _is_good(data: bytes, made: Sig, key: Cert) -> bool:
    try:
        verify(bytes=data, store=lambda _: [key], signature=made)
    except RuntimeError:
        # The library has a single error type, whose text is mostly a stack trace.
        return False
    return True


def _is_younger(made: Sig, key: Cert) -> bool:
    """Return whether a signature was made after its key's expiry; a revoked key is not covered."""
    if key.is_revoked or key.expiration is None or made.created is None:
        return False
    return made.created > key.expiration


def _rsa_holds(data: bytes, body: bytes, key: Cert) -> bool:
    """Verify a version 4 RSA signature over a file without regard to dates (RFC 9580, 5.2.3 and 5.2.4)."""
    public = _rsa_key(key)
    version, kind, algorithm, digest = body[:4]
    if public is None or (version, kind, algorithm) != (4, 0, 1) or digest not in _HASHES:
        return False
    hashed = body[: 6 + int.from_bytes(body[4:6])]
    unhashed = body[len(hashed) :]
    # Skip the length, the unhashed subpackets, and two bytes of the digest, which permit an early failure.
    (value,) = _integers(unhashed[2 + int.from_bytes(unhashed[:2]) + 2 :])
    if value.bit_length() > public.key_size:
        return False
    signed = data + hashed + b"\x04\xff" + len(hashed).to_bytes(4)
    try:
        public.verify(value.to_bytes((public.key_size + 7) // 8), signed, PKCS1v15(), _HASHES[digest])
    except InvalidSignature:
        return False
    return True


def _rsa_key(key: Cert) -> RSAPublicKey | None:
    """Return the primary key if it is a version 4 RSA key (RFC 9580, 5.5.2.2)."""
    body = _body(bytes(key))
    if (body[0], body[5]) != (4, 1):
        return None
    modulus, exponent = _integers(body[6:])
    return RSAPublicNumbers(exponent, modulus).public_key()


def _body(packets: bytes) -> bytes:
    """Return the first packet, without its header."""
    return bytes(next(iter(PacketPile.from_bytes(packets))).body)


def _integers(data: bytes) -> tuple[int, ...]:
    """Parse multiprecision integers: a length in bits, two bytes, then the value (RFC 9580, 3.2)."""
    values = []
    while data:
        end = 2 + (int.from_bytes(data[:2]) + 7) // 8
        values.append(int.from_bytes(data[2:end]))
        data = data[end:]
    return tuple(values)
