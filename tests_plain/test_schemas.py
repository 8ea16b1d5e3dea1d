# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from typing import get_args

from cartona_integration import schemas


def test_the_list_price_adds_both_discounts_back():
    line = schemas.OrderLine("1", 10, 200, supplier_discount=8, marketplace_discount=10)
    assert line.list_price == 218
    assert line.price_unit == 200


def test_every_status_has_a_rank():
    assert set(schemas.STATUS_RANK) == set(get_args(schemas.OrderStatus))


def test_two_orders_share_no_mutable_default():
    one, two = (schemas.Order(str(n), "pending", "pending", schemas.Customer("x"), []) for n in range(2))
    one.extra["a"] = 1
    assert two.extra == {}


def test_row_results_say_what_became_of_a_row():
    assert schemas.RowResult.accepted().outcome == "accepted"
    assert schemas.RowResult.rejected("E1", "no").code == "E1"
    assert schemas.RowResult.retry("later", after=5).after == 5
    assert schemas.RowResult.pending("feed-1").handle == "feed-1"
