"""API keys: which are accepted, and that they are never shown."""

from collections.abc import Callable

import pytest
import requests

from local_intake.keys import hide
from local_intake.records import Contents, Request
from local_intake.server import LocalIntake
from local_intake.store import CountingStore
from tests.local_intake.conftest import Send

GOOD, BAD = "a" * 28 + "good", "b" * 28 + "evil"

Validate = Callable[..., requests.Response]


@pytest.fixture
def validate(intake: LocalIntake) -> Validate:
    def get(url: str = intake.url, params: dict[str, str] | None = None, **headers: str) -> requests.Response:
        return requests.get(f"{url}/api/v1/validate", params=params, headers=headers, timeout=10)

    return get


def with_key(key: str) -> dict[str, str]:
    return {"DD-API-KEY": key}


def test_any_key_is_valid_unless_told_otherwise(validate: Validate) -> None:
    answer = validate(**with_key(GOOD))
    assert (answer.status_code, answer.json()) == (200, {"valid": True})


@pytest.mark.parametrize("headers", [{}, {"DD-API-KEY": ""}])
def test_a_missing_key_is_401(validate: Validate, headers: dict[str, str]) -> None:
    assert validate(**headers).status_code == 401


def test_a_rejected_key_is_403() -> None:
    with LocalIntake(CountingStore(), reject_keys=[BAD]) as intake:
        statuses = [
            requests.get(f"{intake.url}/api/v1/validate", headers=with_key(key), timeout=10).status_code
            for key in (GOOD, BAD)
        ]
    assert statuses == [200, 403]


def test_if_there_are_accepted_keys_no_others_are_accepted() -> None:
    with LocalIntake(CountingStore(), api_keys=[GOOD]) as intake:
        statuses = [
            requests.get(f"{intake.url}/api/v1/validate", headers=with_key(key), timeout=10).status_code
            for key in (GOOD, BAD)
        ]
    assert statuses == [200, 403]


@pytest.mark.parametrize("name", ["api_key", "DD-API-KEY", "dd_api_key"])
def test_a_key_in_the_query_string_is_400(validate: Validate, name: str) -> None:
    answer = validate(params={name: GOOD}, **with_key(GOOD))
    assert answer.status_code == 400
    assert "URL" in answer.json()["errors"][0]["detail"]
    assert GOOD not in answer.text


def test_the_key_is_checked_on_every_endpoint(intake: LocalIntake) -> None:
    paths = ["/api/v2/logs", "/api/v1/distribution_points", "/api/v0.2/traces"]
    assert [requests.post(intake.url + path, data=b"", timeout=10).status_code for path in paths] == [401] * 3


def test_a_refused_key_stores_nothing(send_logs: Send, intake: LocalIntake) -> None:
    send_logs([{"message": "x"}], DD_API_KEY="")
    assert intake.store.logs() == []


def test_a_key_is_hidden_except_for_its_last_four_characters() -> None:
    assert hide(GOOD) == "****good"


def test_nothing_of_a_short_key_is_shown() -> None:
    assert hide("letmein") == "****"


def test_the_store_never_holds_a_credential(send_logs: Send, intake: LocalIntake) -> None:
    headers = ["DD-API-KEY", "dd-application-key", "Authorization", "X-Api-Key"]
    send_logs([], **dict.fromkeys(headers, GOOD))
    requests.get(f"{intake.url}/api/v1/validate?api_key={GOOD}", timeout=10)
    assert GOOD not in repr(intake.store.requests())
    assert intake.store.requests()[0].headers["dd-api-key"] == "****good"


def test_the_repr_of_an_intake_does_not_show_keys() -> None:
    assert GOOD not in repr(LocalIntake(CountingStore(), api_keys=[GOOD], reject_keys=[GOOD]))


def test_a_bug_is_reported_by_type_and_location_and_not_by_what_was_sent(capsys: pytest.CaptureFixture[str]) -> None:
    class BrokenStore(CountingStore):
        def add(self, _request: Request, contents: Contents) -> None:
            raise ValueError(f"cannot keep {contents.rows}")

    with LocalIntake(BrokenStore()) as intake:
        answer = requests.post(
            f"{intake.url}/api/v2/logs", json={"message": "hunter2"}, headers=with_key(GOOD), timeout=10
        )
    printed = "".join(capsys.readouterr())
    assert (answer.status_code, "ValueError" in printed) == (500, True)
    assert "hunter2" not in answer.text + printed
