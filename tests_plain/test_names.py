# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import pytest
from cartona_integration.transport.names import closest, words


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Coca-Cola 330ml", ["coca", "cola", "330", "ml"]),
        ("  CRÈME\u00a0Brûlée  ", ["creme", "brulee"]),
        ("1,5 L / 1.5l", ["1", "5", "l", "1", "5", "l"]),
        ("x²", ["x", "2"]),
        ("_-_ *", []),
        ("", []),
    ],
)
def test_a_name_is_read_as_words_and_numbers(name, found):
    assert words(name) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("حَلِيبٌ كَامِلُ الدَّسَمِ", "حليب كامل الدسم"),  # tashkeel
        ("شـــاي", "شاي"),  # tatweel
        ("أرز إيطالي آسيوي ٱصلي", "ارز ايطالي اسيوي اصلي"),  # forms of alef
        ("لؤلؤ سائل", "لولو سايل"),  # hamza above waw and ya
        ("ماء", "ما"),  # hamza alone
        ("قهوة", "قهوه"),  # ta marbuta
        ("مقهى", "مقهي"),  # alef maqsura
        ("٣٣٠ مل", "330مل"),  # Arabic-Indic digits
        ("۳۳۰ مل", "330 مل"),  # Persian digits
        ("کیک", "كيك"),  # Persian kaf and ya
        ("ﻻﺑﺘﻮﺏ", "لابتوب"),  # presentation forms
        ("زيت، عباد الشمس؟", "زيت عباد الشمس"),  # Arabic punctuation
        ("ا\u0654رز", "أرز"),  # a letter and its hamza apart
    ],
)
def test_what_arabic_writes_in_two_ways_is_one(one, other):
    assert words(one) == words(other)


def test_the_most_like_comes_first_whatever_the_order_of_its_words():
    others = {1: ["Juhayna juice mango 1 L"], 2: ["Milk full cream Juhayna 1L"], 3: ["Soap"]}
    assert closest("Juhayna Full-Cream Milk 1 L", others) == [2]


def test_the_best_of_several_languages_counts():
    assert closest("حليب جهينة", {7: ["Juhayna milk", "حليب جهينه"]}) == [7]


def test_another_size_comes_after_the_right_one():
    others = {1: ["Pepsi cola can 250 ml"], 2: ["Pepsi can cola drink 330 ml"]}
    assert closest("Pepsi cola can 330 ml", others) == [2, 1]


def test_no_more_are_given_than_were_asked_for():
    assert closest("Tea", {key: ["Tea"] for key in "abcd"}) == ["a", "b", "c"]


def test_what_is_not_like_it_is_no_suggestion():
    assert closest("Green tea 100 bags", {1: ["Shampoo 200 ml"], 2: [""], 3: []}) == []
    assert closest("", {1: ["Tea"], 2: [""]}) == []


def test_a_name_without_end_is_cut():
    assert len("".join(words("9" * 100_000))) == 200


def test_a_long_name_of_few_letters_is_like_itself():
    assert closest("ab" * 100, {1: ["c" + "ab" * 99], 2: ["cd" * 100]}) == [1]
