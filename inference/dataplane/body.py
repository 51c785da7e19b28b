"""A request's body as it comes from the network: whole, and bounded in size and in time."""

from __future__ import annotations

from inference.core.errors import (
    JsonInvalid,
    Overloaded,
    TooLarge,
    UnsupportedEncoding,
    WeirError,
)
from inference.dataplane.asgi import Message, Receive
from inference.dataplane.patience import Patience

MOST_HELD = 64 * 1024 * 1024
_PLAIN = frozenset({b"", b"identity"})
_UTF_8 = frozenset({b"", b"utf-8", b"utf8"})


class Gone(Exception):
    """The client hung up before its request was complete."""


class Bodies:
    """Reads bodies of at most `most` bytes that take at most `seconds` to arrive.

    Of all those that are only partly here, at most `most_held` bytes are kept.
    """

    def __init__(
        self, most: int, seconds: float, most_held: int = MOST_HELD, at_once: int = 4
    ) -> None:
        self._most = most
        self._most_held = max(most_held, at_once * most)
        self._held = 0
        self._patience = Patience(seconds)

    def check(self, length: int) -> None:
        """Raises TooLarge."""
        if length > self._most:
            raise TooLarge(f"A body has at most {self._most} bytes.")

    async def read(self, receive: Receive) -> bytes:
        """Raises TooLarge, TooSlow, Overloaded or Gone."""
        with self._patience:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message.get("body", b"")
                self.check(len(body))
                return body
            return await self._rest(message, receive)

    async def _rest(self, message: Message, receive: Receive) -> bytes:
        body = bytearray()
        try:
            while True:
                if message["type"] != "http.request":
                    raise Gone
                self._hold(body, message.get("body", b""))
                if not message.get("more_body"):
                    return bytes(body)
                message = await receive()
        finally:
            self._held -= len(body)

    def _hold(self, body: bytearray, piece: bytes) -> None:
        body += piece
        self._held += len(piece)
        self.check(len(body))
        if self._held > self._most_held:
            raise Overloaded("Too many large bodies are on their way.", retry_after=1.0)


def replayed(body: bytes, receive: Receive) -> Receive:
    """For an application that wants to read it itself; what follows is as it comes."""
    left = [body]

    async def read() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return read


def length(headers: dict[bytes, bytes]) -> int:
    """What the client says; nothing if it says nothing that a body could be as long as."""
    text = headers.get(b"content-length", b"")
    return int(text) if len(text) < 20 and text.isdigit() else 0


def unreadable(headers: dict[bytes, bytes]) -> WeirError | None:
    """What is wrong with the wrapping: nothing is unpacked here, and all text is UTF-8.

    Codecs that expand are no text encodings, and still a charset can name them.
    """
    if headers.get(b"content-encoding", b"").strip().lower() not in _PLAIN:
        return UnsupportedEncoding("A body is not compressed here.")
    kind = headers.get(b"content-type", b"").lower()
    if _charset(kind) in _UTF_8:
        return None
    if b"json" in kind:
        return JsonInvalid("JSON parse error - only UTF-8 is read here")
    return UnsupportedEncoding("Only UTF-8 is read here.")


def _charset(kind: bytes) -> bytes:
    """`charset*` and its like count: frameworks decode them by the codec that they name."""
    _, name, rest = kind.partition(b"charset")
    _, _, value = rest.partition(b"=")
    return value.partition(b";")[0].strip(b" \t\"'") if name else b""
