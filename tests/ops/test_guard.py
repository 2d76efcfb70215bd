"""The suite's own floor: a closed network."""

from __future__ import annotations

import socket

import pytest


def test_a_test_cannot_reach_out():
    with pytest.raises(pytest.fail.Exception, match="only loopback is open"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(pytest.fail.Exception, match="only loopback is open"):
        socket.getaddrinfo("example.com", 443)


def test_names_under_localhost_lead_home():
    assert socket.getaddrinfo("demo.localhost", 80)[0][4][0] == "127.0.0.1"
