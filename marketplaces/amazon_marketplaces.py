# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Where Amazon sells: its regions, their hosts, and the marketplaces in them.

Source: https://developer-docs.amazon.com/sp-api/docs/sp-api-endpoints and /marketplace-ids. A new marketplace is a row.
"""

from typing import NamedTuple

REGIONS = {
    "eu": ("Europe, Middle East, Africa, India", "https://sellingpartnerapi-eu.amazon.com/"),
    "na": ("Americas", "https://sellingpartnerapi-na.amazon.com/"),
    "fe": ("Far East", "https://sellingpartnerapi-fe.amazon.com/"),
}
TOKEN_URL = "https://api.amazon.com/auth/o2/token"  # noqa: S105


class Marketplace(NamedTuple):
    id: str
    region: str
    domain: str
    currency: str


MARKETPLACES = (
    Marketplace("ARBP9OOSHTCHU", "eu", "amazon.eg", "EGP"),
    Marketplace("A17E79C6D8DWNP", "eu", "amazon.sa", "SAR"),
    Marketplace("A2VIGQ35RCS4UG", "eu", "amazon.ae", "AED"),
    Marketplace("AMEN7PMS3EDWL", "eu", "amazon.com.be", "EUR"),
    Marketplace("A1PA6795UKMFR9", "eu", "amazon.de", "EUR"),
    Marketplace("A1RKKUPIHCS9HS", "eu", "amazon.es", "EUR"),
    Marketplace("A13V1IB3VIYZZH", "eu", "amazon.fr", "EUR"),
    Marketplace("A28R8C7NBKEWEA", "eu", "amazon.ie", "EUR"),
    Marketplace("A21TJRUUN4KGV", "eu", "amazon.in", "INR"),
    Marketplace("APJ6JRA9NG5V4", "eu", "amazon.it", "EUR"),
    Marketplace("A1805IZSGTT6HS", "eu", "amazon.nl", "EUR"),
    Marketplace("A1C3SOZRARQ6R3", "eu", "amazon.pl", "PLN"),
    Marketplace("A2NODRKZP88ZB9", "eu", "amazon.se", "SEK"),
    Marketplace("A33AVAJ2PDY3EV", "eu", "amazon.com.tr", "TRY"),
    Marketplace("A1F83G8C2ARO7P", "eu", "amazon.co.uk", "GBP"),
    Marketplace("AE08WJ6YKNBMC", "eu", "amazon.co.za", "ZAR"),
    Marketplace("ATVPDKIKX0DER", "na", "amazon.com", "USD"),
    Marketplace("A2EUQ1WTGCTBG2", "na", "amazon.ca", "CAD"),
    Marketplace("A1AM78C64UM0Y8", "na", "amazon.com.mx", "MXN"),
    Marketplace("A2Q3Y263D00KWC", "na", "amazon.com.br", "BRL"),
    Marketplace("A39IBJ37TRP1C6", "fe", "amazon.com.au", "AUD"),
    Marketplace("A1VC38T7YXB528", "fe", "amazon.co.jp", "JPY"),
    Marketplace("A19VAU5U5O7RUS", "fe", "amazon.sg", "SGD"),
)
BY_ID = {marketplace.id: marketplace for marketplace in MARKETPLACES}

#: Decimals of the currencies that have not two (ISO 4217).
DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}


def decimals(currency: str) -> int:
    """How many decimals an amount in this currency has."""
    return DECIMALS.get(currency, 2)
