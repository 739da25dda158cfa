"""A port held for a server that starts later: nobody else gets it, the server does, each time."""

from __future__ import annotations

import socket

import pytest

from athena.platform.kernel.web import held_port, listening_socket


def test_nobody_answers_on_it_until_a_server_does_as_often_as_it_starts() -> None:
    with held_port() as port:
        for _ in range(2):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with (
                listening_socket("127.0.0.1", port),
                socket.create_connection(("127.0.0.1", port)) as connection,
            ):
                assert connection.getpeername() == ("127.0.0.1", port)


def test_it_is_taken_for_whoever_takes_no_used_address() -> None:
    with held_port() as port, socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))


def test_two_are_never_the_same() -> None:
    with held_port() as one, held_port() as other:
        assert one != other
