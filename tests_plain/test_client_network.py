# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The client where the network, or what answers on it, is broken."""

import gzip
import io
import socket
import ssl
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from cartona_integration.transport.auth import HeaderToken
from cartona_integration.transport.client import Client
from cartona_integration.transport.errors import InvalidResponse, TemporaryFailure
from cartona_integration.transport.failures import failure_of
from cartona_integration.transport.session import _BoundedReader
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from raw_server import elapsed, http, refused_port
from urllib3.response import HTTPResponse


def test_a_truncated_body_is_a_temporary_failure(client, box):
    box.fail(kind="truncated")
    with pytest.raises(TemporaryFailure, match="cut off") as caught:
        client.request("GET", "supplier-product")
    assert caught.value.maybe_applied


def test_an_answer_to_head_announces_a_body_that_does_not_come(raw):
    assert Client(raw(http(b"", Content_Length="100")).url).request("HEAD", "x").body == b""


def test_a_body_shorter_than_announced_is_noticed(raw):
    with pytest.raises(TemporaryFailure, match="cut off"):
        Client(raw(http(b"[]", Content_Length="100")).url).request("GET", "x")


def test_a_body_shorter_than_announced_is_noticed_where_urllib3_counts_no_bytes(raw, monkeypatch):
    made = HTTPResponse.__init__

    def as_in_1_26(*args, **kwargs):
        made(*args, **{**kwargs, "enforce_content_length": False})

    monkeypatch.setattr(HTTPResponse, "__init__", as_in_1_26)
    with pytest.raises(TemporaryFailure, match="cut off"):
        Client(raw(http(b"[]", Content_Length="100")).url).request("GET", "x")


@pytest.mark.parametrize("kind", ["reset", "drop"])
def test_a_connection_that_breaks_is_a_temporary_failure(client, box, kind):
    box.fail(kind=kind)
    with pytest.raises(TemporaryFailure, match="closed the connection") as caught:
        client.request("POST", "supplier-product/bulk-update", json=[])
    assert caught.value.maybe_applied
    assert len(box.journal) == 1, "the client itself never repeats a request"


def test_nobody_listening_is_told_apart_from_a_broken_connection():
    with pytest.raises(TemporaryFailure, match="refuses the connection") as caught:
        Client(f"http://127.0.0.1:{refused_port()}/").request("GET", "x")
    assert not caught.value.maybe_applied


@pytest.fixture
def untrusted(tmp_path):
    """The port of a server of this machine whose certificate, good for its name, was signed by nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(today - timedelta(days=1)).not_valid_after(today + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = key.private_bytes(serialization.Encoding.PEM, *private)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "own.pem").write_bytes(pem + certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "own.pem")
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_args: None
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_certificate_that_nobody_vouches_for_is_refused_and_hears_nothing(untrusted):
    auth = HeaderToken("AuthorizationToken", "secret-token")
    words = "No secure connection to localhost.*certificate verify failed"
    with pytest.raises(TemporaryFailure, match=words) as caught:
        Client(f"https://localhost:{untrusted}/", auth).request("GET", "x")
    assert not caught.value.maybe_applied


def test_an_unknown_host_is_named(monkeypatch):
    def unknown(*_args, **_kwargs):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(TemporaryFailure, match="shop.invalid.*name is not known") as caught:
        Client("https://shop.invalid/").request("GET", "x")
    assert not caught.value.maybe_applied


def test_a_host_that_takes_no_connection_is_a_connection_timeout(monkeypatch):
    def slow(self, request, **_kwargs):
        raise requests.exceptions.ConnectTimeout

    monkeypatch.setattr(requests.Session, "send", slow)
    with pytest.raises(TemporaryFailure, match="Connection timeout") as caught:
        Client("https://shop.invalid/").request("GET", "x")
    assert not caught.value.maybe_applied


def test_no_answer_in_time_is_a_temporary_failure(box):
    box.fail(kind="hang")
    client = Client(box.url, timeout=0.3)
    with pytest.raises(TemporaryFailure, match="took too long") as caught:
        client.request("GET", "supplier-product")
    assert caught.value.maybe_applied


def test_a_body_that_drips_ends_at_the_timeout(raw):
    drip = [http(b"", Content_Length="1000")] + [b" ", 0.05] * 100
    client = Client(raw(drip).url, timeout=0.4)
    assert 0.3 < elapsed(lambda: client.request("GET", "x")) < 1.5
    with pytest.raises(TemporaryFailure, match="took too long"):
        client.request("GET", "x")


def test_a_chunked_body_that_drips_ends_at_the_timeout(raw):
    head = http(b"", Content_Length=None, Transfer_Encoding="chunked")
    client = Client(raw([head] + [b"1\r\nx\r\n", 0.05] * 100).url, timeout=0.4)
    assert 0.3 < elapsed(lambda: client.request("GET", "x")) < 1.5


def test_a_head_that_drips_ends_at_the_timeout(raw):
    client = Client(raw([b"HTTP/1.1 200 OK\r\n"] + [b"X", 0.05] * 100).url, timeout=0.4)
    assert 0.3 < elapsed(lambda: client.request("GET", "x")) < 1.5


def test_time_used_by_one_answer_is_not_taken_from_the_next(box):
    client = Client(box.url, HeaderToken("AuthorizationToken", box.token), timeout=0.6)
    box.fail(kind="delay", seconds=0.4, times=3)
    for _call in range(3):
        client.request("GET", "supplier-product")


def test_a_body_above_the_limit_is_refused(raw):
    client = Client(raw(http(b"[" + b" " * 5000 + b"]")).url, max_bytes=1000)
    with pytest.raises(InvalidResponse, match="larger than 1000 bytes"):
        client.request("GET", "x")


def test_a_body_that_unpacks_above_the_limit_is_refused(raw):
    packed = gzip.compress(b" " * 1_000_000)
    client = Client(raw(http(packed, Content_Encoding="gzip")).url, max_bytes=100_000)
    with pytest.raises(InvalidResponse, match="larger"):
        client.request("GET", "x")


def test_an_answer_without_an_end_is_read_no_further_than_its_limit(raw):
    endless = [http(b" " * 100_000, Content_Length=None), 60]
    with pytest.raises(InvalidResponse, match="larger"):
        Client(raw(endless).url, max_bytes=1000, timeout=30).request("GET", "x")


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_answer_of_ten_megabytes_is_taken_and_not_a_byte_more(raw, beyond):
    client = Client(raw(http(b" " * (10 * 2**20 + beyond))).url)
    if beyond:
        with pytest.raises(InvalidResponse, match="larger than 10485760 bytes"):
            client.request("GET", "x")
    else:
        assert len(client.request("GET", "x").body) == 10 * 2**20


def test_a_packed_body_is_unpacked(raw):
    assert Client(raw(http(gzip.compress(b"[1]"), Content_Encoding="gzip")).url).request("GET", "x").json() == [1]


def test_a_body_that_can_not_be_unpacked_is_a_temporary_failure(raw):
    with pytest.raises(TemporaryFailure, match="decompressed"):
        Client(raw(http(b"no gzip", Content_Encoding="gzip")).url).request("GET", "x")


def test_what_is_no_http_is_a_temporary_failure(raw):
    with pytest.raises(TemporaryFailure):
        Client(raw(b"SSH-2.0-something\r\n\r\n").url).request("GET", "x")


def test_a_plain_server_behind_https_is_no_secure_connection(raw):
    url = raw(b"no TLS here").url.replace("http:", "https:")
    with pytest.raises(TemporaryFailure, match="No secure connection|closed the connection"):
        Client(url).request("GET", "x")


def test_a_blocked_request_is_told_with_its_text(monkeypatch, box):
    def blocked(self, request, **_kwargs):
        calls.append(request)
        raise requests.exceptions.ConnectionError("External requests verboten in tests")

    calls = []
    monkeypatch.setattr(requests.Session, "send", blocked)
    with pytest.raises(TemporaryFailure, match="verboten"):
        Client(box.url).request("GET", "x")
    assert len(calls) == 1


def test_what_was_being_handled_before_is_not_taken_for_the_cause(box):
    box.fail(kind="reset")
    try:
        raise TimeoutError("of someone else")
    except TimeoutError:
        with pytest.raises(TemporaryFailure, match="closed the connection"):
            Client(box.url).request("GET", "x")


def test_a_faked_answer_without_a_stream_is_taken(monkeypatch, box):
    def fake(self, request, **_kwargs):
        answer = requests.Response()
        answer.status_code, answer._content = 200, b'{"fake": true}'
        return answer

    monkeypatch.setattr(requests.Session, "send", fake)
    assert Client(box.url).request("GET", "x").json() == {"fake": True}


def test_a_failure_without_words_is_named_by_its_kind():
    error = requests.ConnectionError()
    error.__cause__ = KeyError()
    assert "Cannot reach shop.example: ConnectionError;" in failure_of(error, "shop.example").message


@pytest.mark.parametrize("left", [0, -1])
def test_nothing_is_read_at_the_end_of_the_time_or_after_it(monkeypatch, left):
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    with socket.socket() as connection, pytest.raises(TimeoutError):
        _BoundedReader(io.BytesIO(b"late"), connection, left).readinto(bytearray(4))
