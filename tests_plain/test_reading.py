# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from datetime import date, datetime

import pytest
from cartona_integration.transport.errors import MappingError
from cartona_integration.transport.reading import day, first, flag, identifier, items, moment, number, text, under
from cartona_integration.transport.text import one_text

# === text ===


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("  بقالة \n", "بقالة"),
        ("", ""),
        (None, ""),
        (7, "7"),
        (7.0, "7"),
        (7.5, "7.5"),
        ("a\x00b", "ab"),
        ("a\ud800b", "ab"),
    ],
)
def test_texts_are_read_clean(value, read):
    assert text({"a": value}, "a") == read


@pytest.mark.parametrize(("value", "kind"), [(True, "True"), ([], "a list"), ({}, "an object")])
def test_what_is_no_text_is_refused_by_its_path(value, kind):
    with pytest.raises(MappingError, match=f"retailer.name: should be a text, is {kind}"):
        text({"retailer": {"name": value}}, "retailer", "name")


def test_a_missing_text_gives_the_default():
    assert text({}, "a", default="x") == "x"
    assert text({"a": None}, "a", "b", "c", default="x") == "x"
    assert text({"a": ""}, "a", default="x") == ""


@pytest.mark.parametrize("raw", [{}, {"hashed_id": None}, {"hashed_id": " "}])
def test_a_text_may_be_required(raw):
    with pytest.raises(MappingError, match="hashed_id: is missing"):
        text(raw, "hashed_id", required=True)
    assert text({"hashed_id": 5}, "hashed_id", required=True) == "5"


def test_alternative_keys_are_tried_in_turn():
    keys = ("suppler_prodcut_id", "supplier_product_id", "id")
    assert text({"id": 1, "supplier_product_id": 2}, keys) == "2"
    assert text({"suppler_prodcut_id": None, "id": 1}, keys) == "1"
    assert text({"r": {"id": 1}}, "r", keys) == "1"
    with pytest.raises(MappingError) as caught:
        text({}, keys, required=True)
    assert caught.value.path == "suppler_prodcut_id|supplier_product_id|id"


# === number ===


@pytest.mark.parametrize(
    ("value", "read"), [(5, 5.0), (0, 0.0), ("25.5", 25.5), (" 1e3 ", 1000.0), (-2.5, -2.5), ("٣", 3.0)]
)
def test_numbers_are_read_also_from_text(value, read):
    assert number({"a": value}, "a") == read
    assert isinstance(number({"a": value}, "a"), float)


@pytest.mark.parametrize("raw", [{}, {"a": None}, {"a": ""}, {"a": "  "}])
def test_a_missing_number_gives_the_default_or_is_an_error(raw):
    assert number(raw, "a", default=0.0) == 0.0
    assert number(raw, "a", default=None) is None
    with pytest.raises(MappingError, match="a: is missing"):
        number(raw, "a")


@pytest.mark.parametrize(
    "value", [True, False, "nan", float("nan"), "inf", float("-inf"), "1e999", 10**400, "1,5", "1_000", "ten", [], {}]
)
def test_what_is_no_number_is_refused_even_with_a_default(value):
    with pytest.raises(MappingError) as caught:
        number({"line": {"a": value}}, "line", "a", default=0.0)
    assert caught.value.path == "line.a"
    assert len(str(caught.value)) < 120


# === flag ===


@pytest.mark.parametrize(
    ("value", "read"),
    [(True, True), (False, False), (1, True), (0, False), ("true", True), ("No", False), (None, False)],
)
def test_flags_are_read(value, read):
    assert flag({"a": value}, "a") is read


def test_a_flag_that_is_none_of_them_is_refused():
    assert flag({}, "a", default=True) is True
    for value in ("maybe", 2, [], {}):
        with pytest.raises(MappingError, match="true or false"):
            flag({"a": value}, "a")


# === moments and days ===


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-06-30T09:12:44Z", datetime(2026, 6, 30, 9, 12, 44)),
        ("2026-06-30T09:12:44z", datetime(2026, 6, 30, 9, 12, 44)),
        ("2026-06-30T12:12:44+03:00", datetime(2026, 6, 30, 9, 12, 44)),
        ("2026-06-30T12:12:44+0300", datetime(2026, 6, 30, 9, 12, 44)),
        ("2026-06-30T12:12:44+03", datetime(2026, 6, 30, 9, 12, 44)),
        ("2026-06-29T22:42:44-10:30", datetime(2026, 6, 30, 9, 12, 44)),
        ("2026-06-30 09:12:44.123456789", datetime(2026, 6, 30, 9, 12, 44, 123456)),
        ("2026-06-30T09:12:44.5Z", datetime(2026, 6, 30, 9, 12, 44, 500000)),
        ("2026-06-30T09:12", datetime(2026, 6, 30, 9, 12)),
        ("2026-06-30", datetime(2026, 6, 30)),
        (" 2026-06-30 ", datetime(2026, 6, 30)),
    ],
)
def test_moments_are_read_as_naive_utc(written, read):
    assert moment({"a": written}, "a") == read


@pytest.mark.parametrize("reader", [moment, day])
def test_no_moment_and_no_day_is_none(reader):
    for raw in ({}, {"a": None}, {"a": ""}):
        assert reader(raw, "a") is None


@pytest.mark.parametrize("written", ["30/06/2026", "yesterday", "2026-6-30", 1751274764, True, [], "٢٠٢٦-٠٦-٣٠"])
@pytest.mark.parametrize("reader", [moment, day])
def test_what_is_no_date_is_refused(reader, written):
    with pytest.raises(MappingError, match="should be a date"):
        reader({"a": written}, "a")


@pytest.mark.parametrize("written", ["2026-02-30", "2026-13-01T00:00:00Z", "0000-01-01"])
@pytest.mark.parametrize("reader", [moment, day])
def test_a_date_outside_the_calendar_is_refused(reader, written):
    with pytest.raises(MappingError, match="of the calendar"):
        reader({"a": written}, "a")


@pytest.mark.parametrize("written", ["2026-01-01T25:00:00Z", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00+99:00"])
def test_a_time_outside_the_clock_is_refused(written):
    with pytest.raises(MappingError, match="of the calendar"):
        moment({"a": written}, "a")


def test_a_day_is_taken_as_written():
    assert day({"a": "2026-06-30"}, "a") == date(2026, 6, 30)
    assert day({"a": "2026-06-30T23:30:00-05:00"}, "a") == date(2026, 6, 30)


# === items, first, paths ===


def test_lists_of_objects_are_read():
    assert items({"a": [{"b": 1}]}, "a") == [{"b": 1}]
    assert items({"a": []}, "a") == []
    assert items({}, "a", default=[]) == []


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({}, "a: is missing"),
        ({"a": None}, "a: is missing"),
        ({"a": {}}, "a: should be a list, is an object"),
        ({"a": "x"}, "a: should be a list, is 'x'"),
        ({"a": [{}, 5]}, r"a\[1\]: should be an object, is 5"),
        ({"a": [None]}, r"a\[0\]: should be an object, is null"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(raw, words):
    with pytest.raises(MappingError, match=words):
        items(raw, "a")


def test_first_gives_the_first_value_that_is_there():
    assert first({"a": None, "b": 0, "c": 1}, "a", "b", "c") == 0
    assert first({}, "a", "b") is None
    assert first({}, "a", default=5) == 5


@pytest.mark.parametrize("raw", [None, [], "text", 5])
def test_a_document_that_is_no_object_is_refused(raw):
    with pytest.raises(MappingError, match="should be an object"):
        text(raw, "a")


def test_a_step_into_what_is_no_object_is_refused_by_its_path():
    with pytest.raises(MappingError, match="retailer: should be an object, is 'x'"):
        text({"retailer": "x"}, "retailer", "name")
    with pytest.raises(MappingError, match="retailer: should be an object, is a list"):
        text({"retailer": []}, "retailer", "name")


def test_a_prefix_is_put_before_the_path():
    with pytest.raises(MappingError) as caught, under("order_details[2]"):
        number({"amount": "x"}, "amount")
    assert caught.value.path == "order_details[2].amount"
    with pytest.raises(MappingError) as caught, under("order_details[2]"):
        text("no object", "amount")
    assert caught.value.path == "order_details[2]"
    with under("anything"):
        pass


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(MappingError) as caught:
        number({"a": "x" * 10_000}, "a")
    assert len(str(caught.value)) < 100


def test_an_empty_text_is_no_value_where_there_is_an_alternative():
    raw = {"cancellation_reason": "", "return_reason": "expired", "nothing": ""}
    assert text(raw, ("cancellation_reason", "return_reason")) == "expired"
    assert text(raw, ("nothing", "missing")) == ""


@pytest.mark.parametrize(
    ("value", "read"), [(7, "7"), (" a\x00b ", "ab"), (0, "0"), (True, ""), (1.5, ""), (None, ""), ({}, ""), ([7], "")]
)
def test_an_id_is_a_text_or_a_whole_number(value, read):
    assert identifier(value) == read


@pytest.mark.parametrize(
    ("value", "read"),
    [("a\x00b", "ab"), (None, ""), ([], ""), ({"x": ["long", {"y": 0}], "z": None}, "x: lon; y: 0; z: ")],
)
def test_an_error_of_any_shape_is_one_text(value, read):
    assert one_text(value, longest=3) == read
