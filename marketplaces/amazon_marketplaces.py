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
    zone: str  # that days are reckoned by; Amazon's own in North America


MARKETPLACES = (
    Marketplace("ARBP9OOSHTCHU", "eu", "amazon.eg", "EGP", "Africa/Cairo"),
    Marketplace("A17E79C6D8DWNP", "eu", "amazon.sa", "SAR", "Asia/Riyadh"),
    Marketplace("A2VIGQ35RCS4UG", "eu", "amazon.ae", "AED", "Asia/Dubai"),
    Marketplace("AMEN7PMS3EDWL", "eu", "amazon.com.be", "EUR", "Europe/Brussels"),
    Marketplace("A1PA6795UKMFR9", "eu", "amazon.de", "EUR", "Europe/Berlin"),
    Marketplace("A1RKKUPIHCS9HS", "eu", "amazon.es", "EUR", "Europe/Madrid"),
    Marketplace("A13V1IB3VIYZZH", "eu", "amazon.fr", "EUR", "Europe/Paris"),
    Marketplace("A28R8C7NBKEWEA", "eu", "amazon.ie", "EUR", "Europe/Dublin"),
    Marketplace("A21TJRUUN4KGV", "eu", "amazon.in", "INR", "Asia/Kolkata"),
    Marketplace("APJ6JRA9NG5V4", "eu", "amazon.it", "EUR", "Europe/Rome"),
    Marketplace("A1805IZSGTT6HS", "eu", "amazon.nl", "EUR", "Europe/Amsterdam"),
    Marketplace("A1C3SOZRARQ6R3", "eu", "amazon.pl", "PLN", "Europe/Warsaw"),
    Marketplace("A2NODRKZP88ZB9", "eu", "amazon.se", "SEK", "Europe/Stockholm"),
    Marketplace("A33AVAJ2PDY3EV", "eu", "amazon.com.tr", "TRY", "Europe/Istanbul"),
    Marketplace("A1F83G8C2ARO7P", "eu", "amazon.co.uk", "GBP", "Europe/London"),
    Marketplace("AE08WJ6YKNBMC", "eu", "amazon.co.za", "ZAR", "Africa/Johannesburg"),
    Marketplace("ATVPDKIKX0DER", "na", "amazon.com", "USD", "America/Los_Angeles"),
    Marketplace("A2EUQ1WTGCTBG2", "na", "amazon.ca", "CAD", "America/Los_Angeles"),
    Marketplace("A1AM78C64UM0Y8", "na", "amazon.com.mx", "MXN", "America/Los_Angeles"),
    Marketplace("A2Q3Y263D00KWC", "na", "amazon.com.br", "BRL", "America/Sao_Paulo"),
    Marketplace("A39IBJ37TRP1C6", "fe", "amazon.com.au", "AUD", "Australia/Sydney"),
    Marketplace("A1VC38T7YXB528", "fe", "amazon.co.jp", "JPY", "Asia/Tokyo"),
    Marketplace("A19VAU5U5O7RUS", "fe", "amazon.sg", "SGD", "Asia/Singapore"),
)
BY_ID = {marketplace.id: marketplace for marketplace in MARKETPLACES}

#: Decimals of the currencies that have not two (ISO 4217).
DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}


def decimals(currency: str) -> int:
    """How many decimals an amount in this currency has."""
    return DECIMALS.get(currency, 2)
