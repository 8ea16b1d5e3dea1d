# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import dataclasses
import re
from typing import get_args

import pytest
from cartona_integration import schemas
from conftest import ROOT

FORMS = [form for form in vars(schemas).values() if getattr(form, "__module__", "") == schemas.__name__]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_what_an_adapter_tells_is_read_by_somebody(form):
    folders = ("models", "marketplaces", "controllers", "wizards")
    code = "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).glob("*.py"))
    assert not [field.name for field in dataclasses.fields(form) if not re.search(rf"\.{field.name}\b", code)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_what_is_not_told_says_nothing(form):
    assert dataclasses.is_dataclass(form)
    said = {field.name: field.default for field in dataclasses.fields(form)}
    usual = {"kind": "product", "unit_count": 1.0}
    told = {name: value for name, value in said.items() if value and value is not dataclasses.MISSING}
    assert told.items() <= usual.items()


def test_a_quantity_without_end_is_the_largest_that_an_integer_column_holds():
    assert int.from_bytes(b"\x7f\xff\xff\xff", "big") == schemas.UNLIMITED


def test_an_order_goes_from_one_rank_to_the_next_and_to_one_of_two_ends():
    assert set(schemas.STATUS_RANK) == set(get_args(schemas.OrderStatus))
    ranks = sorted(set(schemas.STATUS_RANK.values()))
    steps = [{status for status, rank in schemas.STATUS_RANK.items() if rank == step} for step in ranks]
    ends = {"cancelled", "returned"}
    assert steps == [{"pending", "editing"}, {"approved"}, {"shipped"}, {"delivered"}, ends]


def test_an_order_has_left_or_has_not_or_has_ended():
    told = [*schemas.NOT_LEFT, *schemas.HAS_LEFT, *schemas.ENDED]
    assert sorted(told) == sorted(schemas.STATUS_RANK)


def test_two_products_share_no_mutable_default():
    one, two = (schemas.RemoteProduct(str(n)) for n in range(2))
    one.remote["a"] = 1
    assert two.remote == {}


def test_an_address_is_one_text_of_what_is_told():
    customer = schemas.Customer("x", street="1 Nile St", city="Giza", zip="12511", country="EG")
    assert customer.address == "1 Nile St, Giza, 12511"


def test_row_results_say_what_became_of_a_row():
    assert schemas.RowResult.accepted().outcome == "accepted"
    assert schemas.RowResult.rejected("E1", "no").code == "E1"
    assert schemas.RowResult.retry("later", after=5).after == 5
    assert (schemas.RowResult.wait(7, "busy").outcome, schemas.RowResult.wait(7).after) == ("wait", 7)
    assert schemas.RowResult.pending("feed-1").handle == "feed-1"
