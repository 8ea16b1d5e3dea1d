"""Calls of https://127.0.0.1 go to http://127.0.0.1: the sandbox speaks no TLS, and a client that knows https alone
shall not pay for it where the other one does not.

Loaded into the server that is measured, installed nowhere.
"""

from requests.adapters import HTTPAdapter

_send = HTTPAdapter.send


def send(self, request, **options):
    request.url = request.url.replace("https://127.0.0.1:", "http://127.0.0.1:", 1)
    return _send(self, request, **options)


HTTPAdapter.send = send
