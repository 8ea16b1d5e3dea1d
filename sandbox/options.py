# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What can be set on a sandbox: above all the answers to what Cartona's text leaves open."""

from dataclasses import dataclass

#: Shapes of the answer to a bulk call.
#: error        one object per sent row, in order; a failed one has "error"
#: failed       [] when all is fine, else one object with "error" per failed row only
#: success      one object per sent row, in order, with "success" true or false
#: object       [] when all is fine, else a single object with "error"
#: silent       always []: failures are hidden
ROW_ANSWERS = ("error", "failed", "success", "object", "silent")

#: Names of the identifying fields of a catalogue row: as Cartona misspells them, spelled well, or by turns.
SPELLINGS = ("sic", "plain", "mixed")


@dataclass
class Options:
    """Behaviour of the marketplace; every field may be changed while it runs (``box.options.row_answer = …``)."""

    #: Value that must stand in the header, bare.
    token: str = "sandbox-token"
    token_header: str = "AuthorizationToken"
    #: Status for a wrong token: 400 as Cartona seems to do, or 401 or 403.
    bad_token_status: int = 400
    #: Accounts (price lists) under the token. Each has its own price and stock of every product.
    supplier_codes: tuple[str, ...] = ("1",)
    row_answer: str = "error"
    spelling: str = "sic"
    #: Answer also under the paths of Cartona's text: orders/…, base-product/….
    alternative_paths: bool = False
    #: Tell the id of a line added by the supplier in the answer of update-order-details.
    returns_new_ids: bool = True
    #: Keep a line that the supplier removed, with ``cancelled: true``, instead of dropping it.
    keeps_removed_lines: bool = False
    #: An acknowledgement covers all of the order, also what changed after it was handed out last: Cartona's text says
    #: that an order comes again when it has changed since it was acknowledged.
    acknowledges_unseen: bool = False
    #: Honour page and per_page of pull-orders; otherwise only limit counts.
    honours_paging: bool = True
    #: Refuse a status that the order has already, instead of taking it as done.
    refuses_repeats: bool = False
    #: Whether the supplier may write "returned".
    accepts_returned: bool = True
    #: More rows in one call are refused as a whole (422).
    max_rows: int = 1000
    max_per_page: int = 1000

    def __post_init__(self):
        if self.row_answer not in ROW_ANSWERS:
            raise ValueError(f"row_answer must be one of {', '.join(ROW_ANSWERS)}")
        if self.spelling not in SPELLINGS:
            raise ValueError(f"spelling must be one of {', '.join(SPELLINGS)}")
        if not self.token or not self.supplier_codes:
            raise ValueError("a token and a supplier code are needed")
        self.supplier_codes = tuple(str(code) for code in self.supplier_codes)
