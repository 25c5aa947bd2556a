"""Tags of AWS become tags in the format of Datadog."""

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from forwarder.tags.normal import MAX_CHARACTERS, normalised


@pytest.mark.parametrize(
    ("key", "value", "tag"),
    [
        ("team", "shop", "team:shop"),
        ("Team", "Shop Floor", "team:shop_floor"),
        ("aws:cloudformation:stack-name", "Orders", "aws_cloudformation_stack-name:orders"),
        ("url", "https://shop.example/a?b=1", "url:https://shop.example/a_b_1"),
        ("a  =__b", "c, d", "a_b:c_d"),
        ("__1team", "_x_", "team:_x"),
        ("cost-center", "1234", "cost-center:1234"),
        ("version", "1.2_", "version:1.2"),
        ("équipe", "Größe", "équipe:größe"),
        ("flag", "", "flag"),
        ("flag", "???", "flag"),
    ],
)
def test_a_tag_is_lower_case_and_of_known_characters(key: str, value: str, tag: str) -> None:
    assert normalised([(key, value)]) == (tag,)


@pytest.mark.parametrize("key", ["", "1234", "__", "!!"])
def test_a_tag_without_a_key_is_none(key: str) -> None:
    assert normalised([(key, "value")]) == ()


def test_tags_that_become_the_same_are_one() -> None:
    assert normalised([("Team", "a"), ("team", "A"), ("team", "b")]) == ("team:a", "team:b")


@given(st.text(), st.text())
def test_a_normalised_tag_is_one_whatever_it_was_made_of(key: str, value: str) -> None:
    for tag in normalised([(key, value)]):
        assert len(tag) <= MAX_CHARACTERS
        assert regex.fullmatch(r"[\p{L}\p{N}_\-:./]+", tag)
        assert "__" not in tag
        assert not regex.match(r"[_\p{N}]", tag)
        assert not tag.endswith("_")
        assert tag == tag.lower()


@given(st.text(), st.text())
def test_normalising_again_changes_nothing(key: str, value: str) -> None:
    for tag in normalised([(key, value)]):
        key, _, value = tag.partition(":")
        assert normalised([(key, value)]) == (tag,)


def test_a_tag_is_cut_where_it_is_too_long() -> None:
    (tag,) = normalised([("key", "a" * (MAX_CHARACTERS - 5) + " b")])
    assert tag == "key:" + "a" * (MAX_CHARACTERS - 5)


def test_a_tag_has_200_characters_at_most() -> None:
    (tag,) = normalised([("key", "a" * 300)])
    assert len(tag) == 200
