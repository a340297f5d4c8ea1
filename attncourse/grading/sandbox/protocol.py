"""Messages between grader, forkserver and worker: a name, some facts as JSON, and perhaps bytes.

Whoever reads is safe from whoever writes: sizes are known before anything is kept, JSON and
safetensors cannot run code, and a writer who stalls is left to the reader's patience.
"""

import json
import select
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from attncourse.grading.exceptions import ConnectionClosed, ProtocolError

SIZES = struct.Struct("!IQ")  # of the JSON and of the bytes after it
#: Largest JSON and largest payload that are read, in bytes.
LARGEST_FACTS, LARGEST_PAYLOAD = 8 << 20, 64 << 20
#: Seconds between two looks at the watch while waiting.
TICK = 0.05


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        kind: Its name.
        facts: What JSON can say.
        payload: Bytes, such as a probe or a response.
    """

    kind: str
    facts: dict[str, Any]
    payload: bytes = b""


class Channel:
    """One end of a conversation.

    Args:
        end: A connected stream socket, which the channel owns from now on.
        watch: Called again and again while waiting; ends the waiting by raising.
    """

    def __init__(self, end: socket.socket, watch: Callable[[], None] = lambda: None) -> None:
        self._end = end
        self.watch = watch
        end.setblocking(False)

    def fileno(self) -> int:
        """The descriptor, for ``select``."""
        return self._end.fileno()

    def close(self) -> None:
        """Hang up."""
        self._end.close()

    def speaks(self) -> bool:
        """Whether something has come that was not read."""
        return bool(select.select([self._end], [], [], 0)[0])

    def send(self, kind: str, payload: bytes = b"", **facts: Any) -> None:
        """Send one message.

        Raises:
            ConnectionClosed: The other side is gone.
        """
        told = json.dumps([kind, facts]).encode()
        rest = memoryview(SIZES.pack(len(told), len(payload)) + told + payload)
        while rest:
            self._wait(writing=True)
            try:
                rest = rest[self._end.send(rest) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ConnectionClosed from error

    def receive(self) -> Message:
        """Wait for the next message.

        Raises:
            ConnectionClosed: The other side is gone.
            ProtocolError: What came is no message, or is too large.
        """
        told, follows = SIZES.unpack(self._read(SIZES.size))
        if told > LARGEST_FACTS or follows > LARGEST_PAYLOAD:
            raise ProtocolError(f"a message of {told + follows} bytes")
        text, payload = self._read(told), self._read(follows)
        try:
            kind, facts = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise ProtocolError(f"not a message: {error}") from error
        if not (isinstance(kind, str) and isinstance(facts, dict)):
            raise ProtocolError("not a message: a name and facts are missing")
        return Message(kind, facts, payload)

    def send_socket(self, end: socket.socket) -> None:
        """Pass a socket on to the other side.

        Raises:
            ConnectionClosed: If the other side is gone.
        """
        self._wait(writing=True)
        try:
            socket.send_fds(self._end, [b"."], [end.fileno()])
        except OSError as error:
            raise ConnectionClosed from error

    def receive_socket(self) -> socket.socket:
        """Take a socket that the other side passed on.

        Raises:
            ConnectionClosed: If the other side is gone.
        """
        self._wait()
        found, ends, _, _ = socket.recv_fds(self._end, 1, 1)
        if not (found and ends):
            raise ConnectionClosed
        return socket.socket(fileno=ends[0])

    def _read(self, size: int) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            self._wait()
            try:
                part = self._end.recv(min(size - len(parts), 1 << 20))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ConnectionClosed from error
            if not part:
                raise ConnectionClosed
            parts += part
        return bytes(parts)

    def _wait(self, *, writing: bool = False) -> None:
        reads, writes = ([], [self._end]) if writing else ([self._end], [])
        while True:
            self.watch()
            if any(select.select(reads, writes, [], TICK)):
                return
