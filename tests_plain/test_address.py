# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import pytest
from cartona_integration.transport.address import checked_base, elsewhere, is_loopback, joined
from cartona_integration.transport.errors import ConfigurationError

BASE = "https://shop.example/api/v1/"


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://shop.example/api/v1", BASE),
        ("  https://shop.example/api/v1//  ", BASE),
        ("https://shop.example", "https://shop.example/"),
        ("http://127.0.0.1:8069/x", "http://127.0.0.1:8069/x/"),
        ("http://127.9.9.9/", "http://127.9.9.9/"),
        ("http://localhost:80", "http://localhost:80/"),
        ("http://[::1]:80", "http://[::1]:80/"),
    ],
)
def test_a_good_base_url_ends_with_one_slash(url, checked):
    assert checked_base(url) == checked


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "empty"),
        (None, "empty"),
        (False, "empty"),
        ("shop.example/api", "must look like"),
        ("ftp://shop.example/", "must look like"),
        ("https://", "must look like"),
        ("https:///api", "must look like"),
        ("http://shop.example/", "must start with https"),
        ("http://127.0.0.1.example.com/", "must start with https"),
        ("http://localhost.example.com/", "must start with https"),
        ("http://10.0.0.1/", "must start with https"),
        ("https://user:pass@shop.example/", "user name or password"),
        ("https://token@shop.example/", "user name or password"),
        ("https://shop.example/?a=1", "before"),
        ("https://shop.example/#x", "before"),
        ("https://shop.example:port/", "can't be read"),
        ("https://shop.example:99999/", "can't be read"),
        ("https://[::1/", "can't be read"),
    ],
)
def test_a_bad_base_url_is_refused_with_a_reason(url, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        checked_base(url)
    assert "pass" not in caught.value.message.replace("password", "")


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("order/pull-orders", BASE + "order/pull-orders"),
        ("/order/pull-orders", BASE + "order/pull-orders"),
        ("order?x=../..", BASE + "order?x=../.."),
        ("", BASE),
        ("orders:batch", BASE + "orders:batch"),
        (BASE + "next?page=2", BASE + "next?page=2"),
        ("HTTPS://SHOP.example:443/other", "HTTPS://SHOP.example:443/other"),
    ],
)
def test_paths_stay_below_the_base_and_absolute_urls_in_the_origin(path, url):
    assert joined(BASE, path) == url


@pytest.mark.parametrize(
    "path",
    [
        "http://shop.example/api/v1/x",
        "https://evil.example/x",
        "https://shop.example:8443/x",
        "https://shop.example.evil.example/x",
        "https://shop.example@evil.example/x",
        "https://user@shop.example/x",
        "https://shop.example:x/",
        "//evil.example/x",
        "\\\\evil.example/x",
        "../admin",
        "order/../../admin",
        "order/%2e%2E/admin",
        "order/..\\admin",
        "order/./x",
        BASE + "../../admin",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(path):
    with pytest.raises(ConfigurationError):
        joined(BASE, path)


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("http://localhost/api/", "http://localhost:80/next"),
        ("http://localhost:80/api/", "http://localhost/next"),
        ("https://shop.example:443/api/", "https://shop.example/next"),
    ],
)
def test_a_port_that_is_usual_is_the_same_as_none(base, url):
    assert joined(base, url) == url


def test_another_origin_is_a_base_url_of_its_own():
    assert elsewhere("https://files.example:8443/a/b?c=d#e", BASE) == "https://files.example:8443/"
    assert elsewhere("http://localhost:8070/token", "http://127.0.0.1:8069/") == "http://localhost:8070/"
    assert elsewhere("https://files.example/a", "http://127.0.0.1:8069/") == "https://files.example/"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://localhost/x", "this machine itself"),
        ("http://127.0.0.1:8069/x", "this machine itself"),
        ("https://[::1]/x", "this machine itself"),
        ("http://files.example/x", "must start with https"),
        ("https://user@files.example/x", "user name"),
        ("/token", "must look like"),
        ("https://files.example:x/", "can't be read"),
    ],
)
def test_a_marketplace_does_not_point_to_this_machine_nor_to_what_is_not_encrypted(url, words):
    with pytest.raises(ConfigurationError, match=words):
        elsewhere(url, BASE)


def test_loopback_is_this_machine_only():
    assert all(
        map(is_loopback, ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.0.0.1.", "127.255.0.1", "::1"])
    )
    assert not any(map(is_loopback, ["", "0.0.0.0", "192.168.0.1", "::", "127.0.0.1.nip.example", "local"]))
