# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Where a request may go: to the origin the account is set to, encrypted, and nowhere else."""

import ipaddress
import re
from collections.abc import Container
from urllib.parse import unquote, urlsplit

from .errors import ConfigurationError
from .words import _

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
NAT64 = ipaddress.ip_network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}


def checked_base(url: str) -> str:
    """The base URL with one slash at its end, or ``ConfigurationError`` telling what is wrong with it.

    https is required, except to this machine itself; user names, passwords, queries and fragments have no place in it.
    """
    text = (url or "").strip()
    if not text:
        raise ConfigurationError(_("The API URL is empty; enter it in the account"))
    parts = _split(text)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ConfigurationError(_("The API URL must look like https://host/path; correct it in the account"))
    if parts.query or parts.fragment:
        raise ConfigurationError(_("The API URL must end before ? and #; correct it in the account"))
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(_("The API URL must not hold a user name or password; use the token field"))
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(
            _("The API URL must start with https://; without it the token would travel in the clear")
        )
    return text.rstrip("/") + "/"


def joined(base: str, path: str) -> str:
    """``path`` below ``base`` (as ``checked_base`` returns it), which keeps its own path.

    An absolute URL (a marketplace's next link) passes only within the same origin. ``ConfigurationError`` else, and for
    steps upward (``..``), which come from ids nobody checked.
    """
    path = (path or "").strip()
    if path.startswith(("//", "\\")):
        raise ConfigurationError(_("A path must not begin with //; correct the paths in the account"))
    if _ABSOLUTE.match(path):
        return _same_origin(base, path)
    _refuse_steps(re.split(r"[?#]", path, maxsplit=1)[0])
    return base + path.lstrip("/")


def elsewhere(url: str, base: str) -> str:
    """The origin of ``url``, another than that of ``base``, as a base URL: where tokens are given, or files are kept.
    ``ConfigurationError`` where a request must not go: a marketplace has nothing to say about this machine.
    """
    parts = _split(url)
    if is_loopback(parts.hostname or "") and not is_loopback(_split(base).hostname or ""):
        raise ConfigurationError(_("The marketplace points to this machine itself; it is not followed"))
    return checked_base(f"{parts.scheme}://{parts.netloc}")


def refuse_private(host: str, ip: str, private_hosts: Container[str] = ()) -> None:
    """Raise ``ConfigurationError`` unless ``host`` may lie at ``ip``: on the internet, on this machine if it is named
    as that, else only where it is one of ``private_hosts``. What a marketplace's URL or a name server says must not
    lead into the network that Odoo stands in. It ``may_pass`` what a name server says."""
    found = ipaddress.ip_address(ip.partition("%")[0])
    found = _inner(found)
    if (
        found.is_global and not getattr(found, "is_site_local", False) and not found.is_multicast
    ) or host.lower() in private_hosts:
        return
    if not (found.is_loopback and is_loopback(host)):
        text = _(
            "%(host)s lies in a private network; if it is meant, an administrator names it in odoo.conf, as "
            "marketplace_private_hosts",
            host=host,
        )
        raise ConfigurationError(text, may_pass=not _is_address(host))


def _inner(found):
    """The IPv4 address that one of IPv6 leads to: mapped, by 6to4, or through a NAT64."""
    if found.version == 4:
        return found
    nat64 = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF) if found in NAT64 else None
    return found.ipv4_mapped or found.sixtofour or nat64 or found


def is_loopback(host: str) -> bool:
    """Whether the host is this machine by its name or address: localhost, 127.0.0.0/8, ::1."""
    host = host.lower().rstrip(".")  # the root's dot is taken away where a connection is made, too
    return host == "localhost" or _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host):
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _same_origin(base, url):
    parts = _split(url)
    if parts.username is not None or _origin(parts) != _origin(_split(base)):
        raise ConfigurationError(_("The marketplace points to another host than the account's; it is not followed"))
    _refuse_steps(parts.path)
    return url


def _origin(parts):
    return parts.scheme, (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)


def _refuse_steps(path):
    if any(step in (".", "..") for step in re.split(r"[/\\]", unquote(path))):
        raise ConfigurationError(_("A path must not contain . or .. as a step; correct the paths in the account"))


def _split(url):
    try:
        parts = urlsplit(url)
        _port = parts.port  # raises ValueError when it is no number
    except ValueError:
        raise ConfigurationError(_("The API URL can't be read; it must look like https://host/path")) from None
    return parts
