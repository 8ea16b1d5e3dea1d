# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Small forms of Shopify's answers."""


def gid(kind, key):
    return f"gid://shopify/{kind}/{key}"


def tail(gid):
    return str(gid).rpartition("/")[2]


def amount(money):
    return money["shopMoney"]["amount"]


def problem(field, message, code):
    return {"field": field, "message": message, "code": code}
