"""`Environment` and `Secret`: typed reading that never shows a secret."""

from forwarder.environment import Environment, Secret


def test_a_secret_is_only_shown_by_reveal() -> None:
    secret = Secret("sesame")
    assert "sesame" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "sesame"


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")


def test_an_environment_does_not_show_its_values() -> None:
    assert repr(Environment({"DD_API_KEY": "sesame"})) == "Environment(1 variables)"


def test_unknown_variables_are_those_that_were_not_read() -> None:
    environment = Environment({"B": "1", "A": "1", "C": "1", "EMPTY": " "})
    environment.text("C")
    environment.text("D")
    assert (environment.unknown, environment.asked) == (["A", "B"], frozenset({"C", "D"}))


def test_words_are_the_parts_between_commas() -> None:
    assert Environment({"X": " a, ,b c,"}).words("X") == ("a", "b c")
