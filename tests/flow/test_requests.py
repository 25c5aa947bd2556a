"""What the intake gets: whole requests, and the connections to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from forwarder import VERSION
from forwarder.errors import DeliveryError
from local_intake.server import LocalIntake
from tests.builders import ENVIRON, awslogs_event, log_events
from tests.flow.recorder import Recorded, Recorder
from tests.flow.support import COFFEE, OWN, Forward, messages, metrics

LOGS, METRICS = "/api/v2/logs", "/api/v1/distribution_points"
KEY = ENVIRON["DD_API_KEY"]
FUNCTION_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders-api"
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with Recorder() as recorder:
        yield recorder


def only(recorder: Recorder, path: str) -> Recorded:
    """Return the one request to a path that is not about the forwarder itself."""
    (request,) = [each for each in recorder.requests if each.target == path and OWN not in str(each.json)]
    return request


def own(recorder: Recorder) -> Recorded:
    """Return the one request about the forwarder itself."""
    (request,) = [each for each in recorder.requests if OWN in str(each.json)]
    return request


def test_a_request_of_logs_as_a_whole(forward: Forward, recorder: Recorder) -> None:
    forward(awslogs_event(["Order 1042 received\n"]), url=recorder.url, DD_TAGS="env:prod,team:coffee")
    request = only(recorder, LOGS)
    assert request.method == "POST"
    assert request.headers == {
        "Host": recorder.url.removeprefix("http://"),
        "User-Agent": f"datadog-log-forwarder/{VERSION}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "Content-Type": "application/json",
        "Content-Encoding": "gzip",
        "Content-Length": str(len(request.body)),
        "DD-API-KEY": KEY,
        "DD-EVP-ORIGIN": "aws_forwarder",
        "DD-EVP-ORIGIN-VERSION": VERSION,
        "DD-STORAGE-TAG": "s3,cloudwatch",
    }
    assert request.json == [
        {
            "id": "0",
            "timestamp": 1795343071000,
            "message": "Order 1042 received\n",
            "ddsource": "lambda",
            "ddsourcecategory": "aws",
            "ddtags": f"env:prod,team:coffee,forwardername:datadog-forwarder,forwarder_version:{VERSION},"
            "aws_account:123456789012,functionname:orders-api,region:eu-west-1,service:orders-api",
            "service": "orders-api",
            "host": FUNCTION_ARN,
            "lambda": {"arn": FUNCTION_ARN},
            "aws": {
                "invoked_function_arn": "arn:aws:lambda:eu-west-1:123456789012:function:Datadog-Forwarder",
                "awslogs": {
                    "logGroup": "/aws/lambda/Orders-API",
                    "logStream": "2026/11/22/[$LATEST]13e304cba4b9446eb7ef082a00038990",
                    "owner": "123456789012",
                },
            },
        }
    ]


def test_a_request_of_metrics_as_a_whole(forward: Forward, recorder: Recorder) -> None:
    forward(awslogs_event([COFFEE]), url=recorder.url)
    request = only(recorder, METRICS)
    assert request.method == "POST"
    assert request.headers == {
        "Host": recorder.url.removeprefix("http://"),
        "User-Agent": f"datadog-log-forwarder/{VERSION}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "Content-Type": "application/json",
        "Content-Encoding": "deflate",
        "Content-Length": str(len(request.body)),
        "DD-API-KEY": KEY,
    }
    assert request.json == {
        "series": [
            {
                "metric": "coffee_house.order_value",
                "type": "distribution",
                "points": [[1795343071, [12.45]]],
                "tags": [
                    "product:latte",
                    "order:online",
                    f"function_arn:{FUNCTION_ARN}",
                    "forwardername:datadog-forwarder",
                    f"forwarder_version:{VERSION}",
                    "env:none",
                    "aws_account:123456789012",
                    "functionname:orders-api",
                    "region:eu-west-1",
                    "service:orders-api",
                ],
            }
        ]
    }


def test_the_forwarders_metrics_about_itself(forward: Forward, recorder: Recorder) -> None:
    event = awslogs_event(["kept", "dropped", COFFEE, "kept too"])
    forward(event, url=recorder.url, EXCLUDE_AT_MATCH="dropped")
    series = own(recorder).json["series"]
    assert {each["metric"].removeprefix(OWN): each["points"][0][1] for each in series} == {
        "incoming_events": [4],
        "logs_forwarded": [2],
        "logs_failed": [0],
        "metrics_forwarded": [1],
        "metrics_failed": [0],
        "traces_forwarded": [0],
        "logs_filtered": [1],
    }


def test_the_tags_of_the_metrics_about_itself(forward: Forward, recorder: Recorder) -> None:
    forward(awslogs_event(["a"]), url=recorder.url)
    assert {tuple(each["tags"]) for each in own(recorder).json["series"]} == {
        (
            "forwardername:datadog-forwarder",
            f"forwarder_version:{VERSION}",
            "forwarder_memorysize:1024",
            "event_type:awslogs",
        )
    }


def test_points_of_one_metric_second_and_tags_share_a_series(forward: Forward, recorder: Recorder) -> None:
    other = COFFEE.replace("latte", "mocha")
    forward(awslogs_event([COFFEE, other, COFFEE.replace("12.45", "3")]), url=recorder.url)
    series = only(recorder, METRICS).json["series"]
    assert [(each["tags"][0], each["points"]) for each in series] == [
        ("product:latte", [[1795343071, [12.45, 3]]]),
        ("product:mocha", [[1795343071, [12.45]]]),
    ]


def test_the_key_is_sent_in_its_header_and_nowhere_else(forward: Forward, recorder: Recorder) -> None:
    forward(awslogs_event(["a", COFFEE]), url=recorder.url)
    everywhere = [
        (request.target, str(request.json), str({**request.headers, "DD-API-KEY": ""})) for request in recorder.requests
    ]
    assert KEY not in str(everywhere)
    assert {request.headers["DD-API-KEY"] for request in recorder.requests} == {KEY}


def test_headers_follow_the_settings_for_enrichment(forward: Forward, recorder: Recorder) -> None:
    forward(
        awslogs_event(["a"]),
        url=recorder.url,
        DD_ENRICH_S3_TAGS="false",
        DD_ENRICH_CLOUDWATCH_TAGS="false",
        DD_STEP_FUNCTIONS_TRACE_ENABLED="true",
    )
    headers = only(recorder, LOGS).headers
    assert "DD-STORAGE-TAG" not in headers
    assert headers["DD-STEP-FUNCTIONS-TRACE-ENABLED"] == "true"


def test_a_messages_own_tags_go_to_the_tags(forward: Forward, recorder: Recorder) -> None:
    message = '{"level":"info","ddtags":"env:prod,service:till"}'
    forward(awslogs_event([message]), url=recorder.url)
    (log,) = only(recorder, LOGS).json
    assert (log["message"], log["service"]) == ('{"level":"info"}', "till")
    assert {"env:prod", "service:till"} <= set(log["ddtags"].split(","))


# --- compression ---------------------------------------------------------------------------------


def test_without_compression_bodies_are_sent_unchanged(forward: Forward, recorder: Recorder) -> None:
    forward(awslogs_event(["a", COFFEE]), url=recorder.url, DD_USE_COMPRESSION="false")
    assert {request.headers["Content-Encoding"] for request in recorder.requests} == {"identity"}
    assert only(recorder, LOGS).body.startswith(b"[{")


@pytest.mark.parametrize("level", ["0", "1", "6", "9"])
def test_the_intake_can_inflate_every_level(forward: Forward, intake: LocalIntake, level: str) -> None:
    lines = [f"line {number}" for number in range(100)]
    forward(awslogs_event([*lines, COFFEE]), DD_COMPRESSION_LEVEL=level)
    assert messages(intake) == lines
    assert [metric.value for metric in metrics(intake)] == [12.45]


# --- the way to the intake -----------------------------------------------------------------------


def test_without_tls_a_host_and_a_port_are_enough(forward: Forward, intake: LocalIntake) -> None:
    port = intake.url.rpartition(":")[2]
    forward(awslogs_event(["a"]), DD_NO_SSL="true", DD_URL="127.0.0.1", DD_PORT=port)
    assert messages(intake) == ["a"]


def test_the_proxy_of_the_settings_is_used(forward: Forward, recorder: Recorder) -> None:
    forward(awslogs_event(["a"]), url="http://intake.example", HTTP_PROXY=recorder.url)
    assert set(recorder.paths) == {f"http://intake.example{LOGS}", f"http://intake.example{METRICS}"}


def test_a_host_of_no_proxy_is_reached_directly(forward: Forward, intake: LocalIntake, recorder: Recorder) -> None:
    forward(awslogs_event(["a"]), HTTP_PROXY=recorder.url, NO_PROXY="localhost,127.0.0.1")
    assert (messages(intake), recorder.requests) == (["a"], [])


def test_nothing_but_the_settings_chooses_a_proxy(
    forward: Forward, intake: LocalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, UNREACHABLE)
    forward(awslogs_event(["a"]))
    assert messages(intake) == ["a"]


def test_passwords_of_the_machine_are_not_sent_along(
    forward: Forward, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    forward(awslogs_event(["a"]), url=recorder.url)
    assert "Authorization" not in only(recorder, LOGS).headers


def test_cookies_are_not_stored(forward: Forward) -> None:
    with Recorder(headers={"Set-Cookie": "session=1"}) as recorder:
        forward(awslogs_event(["a", COFFEE]), url=recorder.url, DD_MAX_WORKERS="1")
        assert [request.headers.get("Cookie") for request in recorder.requests] == [None] * 3


def test_a_redirect_is_not_followed(forward: Forward, intake: LocalIntake) -> None:
    with (
        Recorder(status=307, headers={"Location": intake.url + LOGS}) as elsewhere,
        pytest.raises(DeliveryError, match=r"1 logs could not be delivered: status 307\."),
    ):
        forward(awslogs_event(["a"]), url=elsewhere.url)
    assert intake.store.requests() == []


def test_a_timestamp_is_passed_on_as_it_is(forward: Forward, intake: LocalIntake) -> None:
    events = [event | {"timestamp": stamp} for event, stamp in zip(log_events("abc"), (0, 1, 2**41), strict=True)]
    forward(awslogs_event(logEvents=events))
    assert [log.timestamp for log in intake.store.logs()] == [0, 1, 2**41]
