"""Which keys seal bundles and which ones open them.

How a key is written says what it is: `ed25519:...` seals and opens, `ed25519-public:...` only
opens, and any other text is a shared secret that does both. A bundle has no say in it: each
trusted key is tried in its own way.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from inference.core.errors import CannotSign

PRIVATE: Final = "ed25519:"
PUBLIC: Final = "ed25519-public:"
# What is signed can be nothing but a bundle, whatever else a key is used for.
_PURPOSE: Final = b"weir bundle\x00"


class Verifier(Protocol):
    """Knows its own signatures, each of them `length` bytes of hex."""

    @property
    def length(self) -> int: ...

    def knows(self, data: bytes, signature: bytes) -> bool: ...


class Signer(Verifier, Protocol):
    """Makes them, too."""

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True, repr=False)
class Shared:
    """HMAC-SHA256: whoever can open can seal."""

    secret: bytes
    length: ClassVar[int] = 64

    def sign(self, data: bytes) -> bytes:
        return hmac.new(self.secret, data, hashlib.sha256).hexdigest().encode()

    def knows(self, data: bytes, signature: bytes) -> bool:
        return hmac.compare_digest(signature, self.sign(data))


@dataclass(frozen=True, slots=True, repr=False)
class Public:
    """The half of an Ed25519 key that opens and cannot seal."""

    key: Ed25519PublicKey
    length: ClassVar[int] = 128

    def knows(self, data: bytes, signature: bytes) -> bool:
        try:
            raw = bytes.fromhex(signature.decode("ascii"))
            self.key.verify(raw, _digest(data))
        except (InvalidSignature, ValueError):
            return False
        # Hex has two cases and takes blanks: of each signature there is one spelling.
        return raw.hex().encode() == signature

    @property
    def text(self) -> str:
        """As it is written in the environment."""
        return PUBLIC + base64.urlsafe_b64encode(self.key.public_bytes_raw()).decode()


@dataclass(frozen=True, slots=True, repr=False)
class Private:
    """A whole Ed25519 key."""

    key: Ed25519PrivateKey
    length: ClassVar[int] = Public.length

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(_digest(data)).hex().encode()

    def knows(self, data: bytes, signature: bytes) -> bool:
        return self.public.knows(data, signature)

    @property
    def public(self) -> Public:
        return Public(self.key.public_key())

    @property
    def text(self) -> str:
        """As it is written in the environment."""
        return PRIVATE + base64.urlsafe_b64encode(self.key.private_bytes_raw()).decode()


@dataclass(frozen=True, slots=True)
class Ring:
    """The key that seals, if this process has one, and all those that open."""

    signer: Signer | None
    trusted: tuple[Verifier, ...]

    @property
    def own(self) -> Signer:
        """Raises CannotSign where there are only public keys."""
        if self.signer is None:
            raise CannotSign
        return self.signer

    def knows(self, data: bytes) -> bool:
        """Whether one of the trusted keys has signed all that stands before the signature."""
        return any(key.knows(data[: -key.length], data[-key.length :]) for key in self.trusted)


Key = Private | Public | Shared


def read(text: str) -> Key:
    """The key that is written like this; raises ValueError for a damaged one."""
    if text.startswith(PRIVATE):
        return Private(Ed25519PrivateKey.from_private_bytes(_bytes(text, PRIVATE)))
    if text.startswith(PUBLIC):
        return Public(Ed25519PublicKey.from_public_bytes(_bytes(text, PUBLIC)))
    if not text:
        raise ValueError("a key is empty")
    return Shared(text.encode())


def ring(own: str, trusted: Iterable[str] = ()) -> Ring:
    """From keys as they are written; a public one as `own` makes a ring that only opens."""
    key = read(own)
    others = tuple(read(each) for each in trusted)
    return Ring(None if isinstance(key, Public) else key, (key, *others))


def shared(secret: bytes) -> Ring:
    """Of one secret for everything."""
    key = Shared(secret)
    return Ring(key, (key,))


def make() -> Private:
    """A key that nobody had before."""
    return Private(Ed25519PrivateKey.generate())


def identity(text: str) -> str:
    """What processes that seal and processes that only open have in common."""
    key = read(text)
    return key.public.text if isinstance(key, Private) else text


def _bytes(text: str, prefix: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix(prefix), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"what follows {prefix} is not base64") from error


def _digest(data: bytes) -> bytes:
    return _PURPOSE + hashlib.sha256(data).digest()
