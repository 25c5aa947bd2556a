"""What a response means for a batch, when to try again, and how `Retry-After` is read."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from forwarder.intake.answers import MAX_BACKOFF, Answer, pause_before, retry_after
from forwarder.records import Fate

FATES = [
    (0, Fate.RETRY),
    (200, Fate.DELIVERED),
    (202, Fate.DELIVERED),
    (204, Fate.DELIVERED),
    (299, Fate.DELIVERED),
    (301, Fate.KEEP),
    (302, Fate.KEEP),
    (304, Fate.KEEP),
    (400, Fate.REJECT),
    (401, Fate.KEEP),
    (403, Fate.KEEP),
    (404, Fate.KEEP),
    (405, Fate.KEEP),
    (407, Fate.KEEP),
    (408, Fate.RETRY),
    (413, Fate.SPLIT),
    (429, Fate.RETRY),
    (499, Fate.KEEP),
    (500, Fate.RETRY),
    (502, Fate.RETRY),
    (503, Fate.RETRY),
    (504, Fate.RETRY),
    (599, Fate.RETRY),
    (600, Fate.KEEP),
]
NOT_A_TIME = [
    None, "", " ", "soon", "-1", "1.5", "inf", "nan", "٣", "Mon, 99 Jan 2020 99:99:99 GMT",
    "Mon, 01 Jan 20200000000000000000000 00:00:00 GMT", "Wed, 21 Oct 2015 07:28:00 +99999999999999999999",
    "Mon, 01 Jan 0001 00:00:00 +9999",
]  # fmt: skip


@pytest.mark.parametrize(("status", "fate"), FATES)
def test_every_status_has_one_fate(status: int, fate: Fate) -> None:
    assert Answer(status, "").fate is fate


def test_a_page_of_html_with_a_good_status_is_not_the_intakes() -> None:
    assert Answer(200, "", html=True).fate is Fate.KEEP


def test_html_with_a_bad_status_is_judged_by_the_status() -> None:
    assert Answer(503, "", html=True).fate is Fate.RETRY


@pytest.mark.parametrize(("value", "seconds"), [("0", 0), ("1", 1), (" 120 ", 120), ("9" * 40, 999_999_999)])
def test_retry_after_may_be_seconds(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    ahead = retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True))
    assert ahead is not None
    assert 98 < ahead <= 100


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2015 07:28:00 GMT", "Wed, 21 Oct 2015 07:28:00"])
def test_a_date_that_has_passed_means_now(value: str) -> None:
    assert retry_after(value) == 0


@pytest.mark.parametrize("value", NOT_A_TIME)
def test_a_retry_after_that_cannot_be_read_is_none(value: str | None) -> None:
    assert retry_after(value) is None


def test_what_the_intake_asks_for_is_waited() -> None:
    assert pause_before(2, Answer(429, "", retry_after=3.0)) == 3.0


@pytest.mark.parametrize("attempt", [2, 3, 5, 60])
def test_backoff_is_full_jitter_under_a_limit_that_doubles(attempt: int) -> None:
    pauses = [pause_before(attempt, Answer(503, "")) for _ in range(200)]
    most = min(MAX_BACKOFF, 0.25 * 2 ** (attempt - 1))
    assert all(0 <= pause <= most for pause in pauses)
    assert len(set(pauses)) > 100
