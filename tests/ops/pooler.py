"""A transaction-pooling proxy as small as can be: many clients, few server connections, each lent
for one transaction. What PgBouncer does with pool_mode=transaction."""

from __future__ import annotations

import os
import queue
import socket
import struct
import threading

import psycopg
from psycopg import pq

STARTUP_REFUSED = {80877103, 80877104}  # SSL, GSS: answered "N"


class Pooler:
    def __init__(self, url: str, *, size: int) -> None:
        self.connections = [psycopg.connect(url, autocommit=True) for _ in range(size)]
        self.free: queue.LifoQueue[socket.socket] = queue.LifoQueue()
        for connection in self.connections:
            assert connection.pgconn.status == pq.ConnStatus.OK
            backend = socket.socket(fileno=os.dup(connection.pgconn.socket))
            backend.setblocking(True)
            self.free.put(backend)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            self._greet(client)
            lent: socket.socket | None = None
            while True:
                kind, body = read_message(client)
                if kind == b"X":
                    return
                lent = lent or self.free.get()
                lent.sendall(pack(kind, body))
                if kind in b"QS":
                    state = self._answer(lent, client)
                    if state == b"I":
                        self.free.put(lent)
                        lent = None
        except (ConnectionError, OSError):
            return

    def _greet(self, client: socket.socket) -> None:
        while True:
            (length,) = struct.unpack("!I", read(client, 4))
            body = read(client, length - 4)
            if struct.unpack("!I", body[:4])[0] not in STARTUP_REFUSED:
                break
            client.sendall(b"N")
        client.sendall(pack(b"R", struct.pack("!I", 0)))
        for name in ("server_version", "client_encoding", "standard_conforming_strings"):
            value = self.connections[0].info.parameter_status(name) or ""
            client.sendall(pack(b"S", f"{name}\0{value}\0".encode()))
        client.sendall(pack(b"K", struct.pack("!II", 1, 1)) + pack(b"Z", b"I"))

    @staticmethod
    def _answer(backend: socket.socket, client: socket.socket) -> bytes:
        while True:
            kind, body = read_message(backend)
            client.sendall(pack(kind, body))
            if kind == b"Z":
                return body


def read(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (piece := source.recv(count - len(data))):
            raise ConnectionError
        data += piece
    return data


def read_message(source: socket.socket) -> tuple[bytes, bytes]:
    kind = read(source, 1)
    (length,) = struct.unpack("!I", read(source, 4))
    return kind, read(source, length - 4)


def pack(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", len(body) + 4) + body
