# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import pytest
from cartona_integration.transport.address import checked_base, is_loopback, joined
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


def test_loopback_is_this_machine_only():
    assert all(map(is_loopback, ["localhost", "LOCALHOST", "127.0.0.1", "127.255.0.1", "::1"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "192.168.0.1", "::", "127.0.0.1.nip.example", "local"]))
