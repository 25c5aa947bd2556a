"""Splitting JSON without decoding it: the parts are those that a decoder would find, if it could."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forwarder.errors import CorruptRecordError
from forwarder.sources.json_parts import elements, members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.text(st.characters(codec="ascii", exclude_characters='"\\ ', exclude_categories=["Cc"]), max_size=4)


def never() -> None:
    """Look at no clock."""


@given(st.dictionaries(NAMES, VALUES, max_size=5), st.sampled_from([None, 2]))
def test_members_are_those_of_the_object(value: dict[str, object], indent: int | None) -> None:
    found = members(json.dumps(value, indent=indent), never)
    assert {name: json.loads(text) for name, text in found.items()} == value


@given(st.lists(VALUES, max_size=5), st.sampled_from([None, 2]))
def test_elements_are_the_elements_of_the_array(value: list[object], indent: int | None) -> None:
    assert [json.loads(text) for text in elements(json.dumps(value, indent=indent), never)] == value


@given(st.lists(VALUES, min_size=1, max_size=5), st.data())
def test_an_array_that_is_cut_off_anywhere_is_corrupt(value: list[object], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(CorruptRecordError):
        list(elements(text[:cut], never))


def test_the_deadline_is_checked_every_ten_thousand_marks() -> None:
    looks: list[None] = []
    for _ in elements("[" + "[[1,2],[3,4]]," * 10_000 + "0]", lambda: looks.append(None)):
        pass
    assert 2 < len(looks) < 10


@given(st.text(st.sampled_from('{}[]",:\\ax'), max_size=30))
def test_any_invalid_text_is_only_corrupt(text: str) -> None:
    for take_apart in (members, lambda array, check_deadline: list(elements(array, check_deadline))):
        try:
            parts = take_apart(text, never)
        except CorruptRecordError:
            continue
        assert all(part in text for part in parts)
