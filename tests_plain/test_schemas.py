# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import dataclasses
import re
from typing import get_args

import pytest
from cartona_integration import schemas
from conftest import ROOT

FORMS = [form for form in vars(schemas).values() if dataclasses.is_dataclass(form)]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_what_an_adapter_tells_is_read_by_somebody(form):
    folders = ("models", "marketplaces", "controllers", "wizards")
    code = "\n".join(path.read_text() for folder in folders for path in (ROOT / folder).glob("*.py"))
    assert not [field.name for field in dataclasses.fields(form) if not re.search(rf"\.{field.name}\b", code)]


def test_every_status_has_a_rank():
    assert set(schemas.STATUS_RANK) == set(get_args(schemas.OrderStatus))


def test_two_products_share_no_mutable_default():
    one, two = (schemas.RemoteProduct(str(n)) for n in range(2))
    one.remote["a"] = 1
    assert two.remote == {}


def test_row_results_say_what_became_of_a_row():
    assert schemas.RowResult.accepted().outcome == "accepted"
    assert schemas.RowResult.rejected("E1", "no").code == "E1"
    assert schemas.RowResult.retry("later", after=5).after == 5
    assert schemas.RowResult.pending("feed-1").handle == "feed-1"
