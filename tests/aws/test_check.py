"""`{"check": true}` reports the configuration and whether it works, and shows no secret."""

import json
import re
import socket
import ssl
import threading
from typing import Any

import pytest
import trustme

from forwarder.intake.connections import CuttableSession
from local_intake.fault_proxy import FaultProxy
from local_intake.server import LocalIntake
from tests.aws.support import BUCKET, Bucket, Cloud, Starts, handle
from tests.builders import ENVIRON, context
from tests.flow.recorder import Recorder
from tests.flow.support import FOREVER, Said, Start

CHECK = {"check": True}
KEY = ENVIRON["DD_API_KEY"]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def found(storing: Starts, intake: LocalIntake) -> dict[str, Any]:
    """Return what is found where all is well."""
    return handle(storing(), CHECK)


def test_everything_is_ok(found: dict[str, Any], intake: LocalIntake) -> None:
    healthy = {"url": intake.url, "reached": True, "status": 200, "takes_key": True}
    assert found["ok"] is True
    assert found["intakes"] == {"logs": healthy, "metrics": healthy, "traces": healthy}
    assert found["store"] == {"kind": f"S3Store({BUCKET}/failed_events/forwarder)", "writable": True}


def test_the_key_is_shown_by_its_end_only(found: dict[str, Any]) -> None:
    assert found["api_key"] == {"from": "DD_API_KEY", "ends_with": KEY[-4:]}
    assert KEY[:-4] not in json.dumps(found)


def test_nothing_is_sent_and_nothing_left_in_the_store(
    found: dict[str, Any], intake: LocalIntake, bucket: Bucket
) -> None:
    assert ({request.signal for request in intake.store.requests()}, bucket.names()) == ({"validate"}, [])


@pytest.mark.parametrize("event", [{"check": "true"}, {"check": "True"}])
def test_a_check_may_be_requested_as_a_string(event: dict[str, object], storing: Starts, intake: LocalIntake) -> None:
    assert handle(storing(), event)["ok"] is True


def test_without_a_store_it_says_what_to_set(start: Start, intake: LocalIntake) -> None:
    found = handle(start(), CHECK)
    assert (found["ok"], found["store"]["kind"], "DD_S3_BUCKET_NAME" in found["store"]["note"]) == (True, "none", True)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_is_not_ok(status: int, storing: Starts, intake: LocalIntake) -> None:
    intake.script.replace([{"status": status, "signal": "validate", "times": 3}])
    found = handle(storing(), CHECK)
    assert (found["ok"], found["intakes"]["metrics"]["takes_key"]) == (False, False)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_another_answer_says_nothing_of_the_key(status: int, storing: Starts, intake: LocalIntake) -> None:
    intake.script.replace([{"status": status, "signal": "validate", "times": 3}])
    found = handle(storing(), CHECK)
    assert (found["ok"], found["intakes"]["metrics"]["takes_key"]) == (False, "unknown")


def test_a_redirect_is_not_followed_since_the_key_would_go_with_it(start: Start, intake: LocalIntake) -> None:
    with Recorder() as elsewhere:
        headers = {"Location": f"{elsewhere.url}/api/v1/validate"}
        intake.script.replace([{"status": 302, "headers": headers, "signal": "validate", "times": 3}])
        handle(start(), CHECK)
        assert elsewhere.requests == []


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_the_intake_of_logs_need_not_know_about_keys(status: int, start: Start, intake: LocalIntake) -> None:
    with LocalIntake(script=[{"status": status}]) as logs:
        found = handle(start(DD_URL=logs.url), CHECK)
    assert found["ok"] is True
    assert found["intakes"]["logs"] == {"url": logs.url, "reached": True, "status": status, "takes_key": "unknown"}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            {"status": 200, "body": "<html>Log in</html>"},
            "Something other than the intake of logs answers (a page of HTML)",
        ),
        ({"status": 302}, "Something other than the intake of logs answers (status 302)"),
        ({"status": 407}, "Something other than the intake of logs answers (status 407)"),
        (
            {"status": 503},
            "The intake of logs does not work, or something on the way answers in its place (status 503)",
        ),
    ],
    ids=str,
)
def test_an_answer_with_which_nothing_would_be_delivered_is_a_problem(
    answer: dict[str, object], sentence: str, start: Start, intake: LocalIntake
) -> None:
    with LocalIntake(script=[answer]) as logs:
        found = handle(start(DD_URL=logs.url), CHECK)
    assert (found["ok"], found["intakes"]["logs"]["problem"].startswith(sentence)) == (False, True)


def test_a_page_of_html_says_nothing_of_the_key(start: Start, intake: LocalIntake) -> None:
    with LocalIntake(script=[{"status": 200, "body": "<html>Log in</html>"}]) as portal:
        found = handle(start(DD_API_URL=portal.url), CHECK)
    assert (found["ok"], found["intakes"]["metrics"]["takes_key"]) == (False, "unknown")


def test_the_intake_of_traces_is_not_needed(storing: Starts, intake: LocalIntake) -> None:
    found = handle(storing(DD_TRACE_INTAKE_URL=NOBODY), CHECK)
    assert (found["ok"], found["intakes"]["traces"]["reached"]) == (True, False)


@pytest.mark.parametrize("variable", ["DD_URL", "DD_API_URL"])
def test_an_intake_that_is_not_there_is_not_ok(variable: str, storing: Starts, intake: LocalIntake) -> None:
    found = handle(storing(**{variable: NOBODY}), CHECK)
    (dead,) = [each for each in found["intakes"].values() if not each["reached"]]
    assert (found["ok"], dead["url"]) == (False, NOBODY)
    assert (
        f"was not reached (connection refused): look at DD_SITE{',' if variable == 'DD_URL' else ' and'} {variable}"
        in (dead["problem"])
    )


def test_a_name_that_cannot_be_resolved_is_described(
    start: Start, intake: LocalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    found = handle(start(DD_URL="http://no-such-host"), CHECK)
    assert "(the name cannot be resolved)" in found["intakes"]["logs"]["problem"]


def test_what_speaks_no_tls_is_described(start: Start, intake: LocalIntake) -> None:
    found = handle(start(DD_URL=intake.url.replace("http:", "https:")), CHECK)
    assert re.search(r"not reached \(no TLS connection: .+\): look at", found["intakes"]["logs"]["problem"])


def test_a_refused_certificate_is_described(start: Start, intake: LocalIntake) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with Recorder(tls=tls) as stranger:
        found = handle(start(DD_URL=stranger.url), CHECK)
    assert re.search(
        r"not reached \(its certificate is not accepted: .+ certificate.*\): look at",
        found["intakes"]["logs"]["problem"],
    )


def test_an_answer_that_never_ends_is_not_waited_for_long(
    start: Start, intake: LocalIntake, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.check.TIMEOUT", 0.5)
    proxy.faults(["dribble_headers:0.2"])
    found = handle(start(DD_URL=proxy.url), CHECK)
    assert (found["ok"], "(no answer within 0.5 s)" in found["intakes"]["logs"]["problem"]) == (False, True)


def test_all_intakes_are_asked_at_the_same_time(
    start: Start, intake: LocalIntake, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3)
    get = CuttableSession.get

    def meet(session: CuttableSession, url: str, **how: Any) -> Any:
        together.wait(20)
        return get(session, url, **how)

    monkeypatch.setattr(CuttableSession, "get", meet)
    assert handle(start(), CHECK)["ok"] is True


def test_an_intake_that_does_not_answer_takes_half_of_the_invocations_time_at_most(
    start: Start, intake: LocalIntake
) -> None:
    intake.script.replace([{"status": 200, "delay": FOREVER, "signal": "validate", "times": 3}])
    found = start().handle(CHECK, context(2))
    assert re.search(r"\(no answer within (1|0\.\d+) s\)", str(found))


@pytest.mark.parametrize("operation", ["PutObject", "DeleteObject", "ListObjectsV2"])
def test_a_bucket_that_may_not_be_used_is_not_ok(
    operation: str, storing: Starts, intake: LocalIntake, cloud: Cloud
) -> None:
    cloud.refuse(operation)
    found = handle(storing(), CHECK)
    assert (found["ok"], found["store"]["problem"]) == (False, "AccessDenied")


def test_a_bucket_that_does_not_answer_is_not_waited_for_long(
    storing: Starts, intake: LocalIntake, cloud: Cloud
) -> None:
    cloud.hold("PutObject")
    found = handle(storing(), CHECK, 3)
    assert (found["ok"], found["store"]["problem"]) == (False, "it did not answer in time")


def test_a_queue_that_is_not_there_is_not_ok(start: Start, intake: LocalIntake, cloud: Cloud) -> None:
    found = handle(start(DD_SQS_QUEUE_URL="https://sqs.eu-west-1.amazonaws.com/123456789012/gone"), CHECK)
    assert (found["ok"], "problem" in found["store"]) == (False, True)


def test_a_key_that_cannot_be_fetched_is_a_problem_and_no_exception(
    storing: Starts, intake: LocalIntake, cloud: Cloud
) -> None:
    found = handle(storing(DD_API_KEY_SECRET_ARN="gone"), CHECK)
    assert (found["ok"], found["intakes"], found["api_key"]["from"]) == (False, {}, "DD_API_KEY_SECRET_ARN (gone)")
    assert "could not be fetched" in found["api_key"]["problem"]


def test_a_proxy_is_shown_without_its_password_and_named_where_it_may_be_to_blame(
    storing: Starts, intake: LocalIntake, said: Said
) -> None:
    proxy = "http://jane:sesame@127.0.0.1:9"
    found = handle(storing(HTTP_PROXY=proxy, HTTPS_PROXY=proxy), CHECK)
    assert found["intakes"]["logs"]["proxy"] == found["settings"]["https_proxy"] == NOBODY
    assert (
        f"(connection refused): look at the proxy {NOBODY} (HTTP_PROXY and NO_PROXY), then"
        in (found["intakes"]["logs"]["problem"])
    )
    assert not {word for word in ("jane", "sesame") if word in json.dumps(found) + said.text}


def test_a_proxy_that_is_not_used_is_not_blamed(start: Start, intake: LocalIntake) -> None:
    found = handle(start(HTTP_PROXY="http://127.0.0.1:8", NO_PROXY="127.0.0.1", DD_URL=NOBODY), CHECK)
    assert "proxy" not in found["intakes"]["logs"]
    assert "proxy" not in found["intakes"]["logs"]["problem"]


def test_a_proxy_that_refuses_a_tunnel_is_described(start: Start, intake: LocalIntake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=refuse_tunnels, args=(server,), daemon=True).start()
        proxy = f"http://127.0.0.1:{port}"
        found = handle(start(HTTPS_PROXY=proxy, DD_URL="https://intake.example.com"), CHECK)
    assert f"(the proxy answers with status 407): look at the proxy {proxy}" in found["intakes"]["logs"]["problem"]


def refuse_tunnels(server: socket.socket) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize(("key", "shown"), [("a" * 8 + "b7e5", {"ends_with": "b7e5"}), ("a" * 11, {})])
def test_of_a_short_key_nothing_is_shown(key: str, shown: dict[str, str], start: Start, intake: LocalIntake) -> None:
    found = handle(start(DD_API_KEY=key), CHECK)["api_key"]
    assert {name: value for name, value in found.items() if name == "ends_with"} == shown
    assert ("note" in found) is not bool(shown)


def test_patterns_are_shown_as_they_were_written(storing: Starts, intake: LocalIntake) -> None:
    patterns = {"INCLUDE_AT_MATCH": "a+", "EXCLUDE_AT_MATCH": "b+", "DD_SCRUBBING_RULE": "secret=.*"}
    shown = json.loads(json.dumps(handle(storing(**patterns), CHECK)))["settings"]
    assert (shown["include"], shown["exclude"], shown["scrub"]) == ("a+", "b+", "secret=.*")
