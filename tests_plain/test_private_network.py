# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Requests lead to the internet, or to the sandbox on this machine: never into the network that Odoo stands in."""

import contextlib
import socket

import pytest
from cartona_integration.transport.address import refuse_private
from cartona_integration.transport.client import Client
from cartona_integration.transport.errors import ConfigurationError, TemporaryFailure
from cartona_integration.transport.session import new_session

PUBLIC = "93.184.215.14"
INSIDE = [
    "10.0.0.1",
    "192.168.1.5",
    "172.16.0.9",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::",
    "fd00::1",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
    "2002:a00:1::",  # 6to4 of 10.0.0.1
    "64:ff9b::a00:1",  # NAT64 of 10.0.0.1
    "64:ff9b::a9fe:a9fe",
    "fec0::1",
    "ff0e::1",
    "224.0.0.1",
]


class Listener:
    """A port of this machine that counts who connects, and what they say."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]

    def received(self):
        """Return the bytes of the first who connected, ``None`` where nobody did."""
        with contextlib.suppress(TimeoutError):
            connection, _address = self.socket.accept()
            with connection:
                connection.settimeout(2)
                return connection.recv(100)
        return None


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.socket.close()


def name_server(monkeypatch, *answers):
    """Have the name of the shop lead to the next of ``answers``, the last again and again."""
    answers, usual = list(answers), socket.getaddrinfo

    def resolve(host, port, *args, **kwargs):
        if host != "shop.example":
            return usual(host, port, *args, **kwargs)
        ip = answers.pop(0) if len(answers) > 1 else answers[0]
        return usual(ip, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize("ip", INSIDE)
def test_an_inside_address_is_refused_however_it_is_written(ip):
    with pytest.raises(ConfigurationError, match="private network") as caught:
        refuse_private("shop.example", ip)
    assert caught.value.may_pass, "a name server may say something else in a moment"
    with pytest.raises(ConfigurationError, match="private network") as caught:
        refuse_private(ip.partition("%")[0], ip)
    assert not caught.value.may_pass
    refuse_private("shop.example", ip, {"shop.example"})


def test_this_machine_is_reached_only_by_its_own_name():
    refuse_private("localhost", "127.0.0.1")
    refuse_private("127.0.0.1", "127.0.0.1")
    refuse_private("::1", "::1")
    refuse_private("localhost", "::ffff:127.0.0.1")
    with pytest.raises(ConfigurationError, match="private network"):
        refuse_private("shop.example", "127.0.0.1")


def test_an_address_of_the_internet_passes():
    refuse_private("shop.example", PUBLIC)
    refuse_private("shop.example", "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    for leads_there in ("::ffff:5db8:d70e", "2002:5db8:d70e::", "64:ff9b::5db8:d70e"):
        refuse_private("shop.example", leads_there)


def test_a_name_that_leads_inside_is_not_even_connected_to(monkeypatch, listener):
    name_server(monkeypatch, "127.0.0.1")
    with pytest.raises(ConfigurationError, match="marketplace_private_hosts"):
        Client(f"https://shop.example:{listener.port}/").request("GET", "x")
    assert listener.received() is None


def test_a_name_that_leads_inside_at_the_second_look_hears_nothing_from_us(monkeypatch, listener):
    name_server(monkeypatch, PUBLIC, "127.0.0.1")
    with pytest.raises(ConfigurationError, match="private network") as caught:
        Client(f"https://shop.example:{listener.port}/").request("GET", "x")
    # Asked while the error holds its frames: the socket was closed, and not only forgotten.
    assert (listener.received(), caught.type) == (b"", ConfigurationError)


def test_a_host_that_the_administrator_names_is_reached(monkeypatch, listener):
    name_server(monkeypatch, "127.0.0.1")
    session = new_session(["Shop.Example"])
    listener.socket.listen()
    with contextlib.closing(session), pytest.raises(TemporaryFailure):
        Client(f"https://shop.example:{listener.port}/", session=session, timeout=0.5).request("GET", "x")
    assert listener.received()[:1] == b"\x16", "the client's side of TLS"
