"""A queue stores what cannot be delivered, within its own limit, and a replay delivers it."""

import base64
import gzip
import json
import random
import time
from typing import Any

import boto3
import pytest

from forwarder.errors import DeliveryError
from forwarder.failed_events.sqs import SqsStore
from forwarder.handler import Forwarder
from forwarder.intake.delivery import Shipment
from forwarder.records import Batch, History, Signal
from local_intake.server import LocalIntake
from tests.aws.support import LOGS_DOWN, RETRY, Cloud, Starts, coffee, handle
from tests.builders import REGION, awslogs_event, settings
from tests.flow.support import Said, Start, arrived, is_balanced

SMALLEST = 4_096


class Queue:
    """The queue of failed events, seen from outside."""

    def __init__(self) -> None:
        self.client = boto3.client("sqs", region_name=REGION)
        attributes = {"MaximumMessageSize": str(SMALLEST)}
        self.url = self.client.create_queue(QueueName="failed", Attributes=attributes)["QueueUrl"]

    def messages(self) -> list[dict[str, Any]]:
        """Return what is visible, without hiding it."""
        found: list[dict[str, Any]] = []
        while len(found) < self.count("ApproximateNumberOfMessages"):
            answer = self.client.receive_message(
                QueueUrl=self.url, MaxNumberOfMessages=10, VisibilityTimeout=30, MessageAttributeNames=["All"]
            )
            found += answer.get("Messages", [])
            if not answer.get("Messages"):
                break
        for message in found:
            self.client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
        return found

    def send(self, body: str, **attributes: str) -> None:
        named = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        self.client.send_message(QueueUrl=self.url, MessageBody=body, MessageAttributes=named)

    def count(self, name: str) -> int:
        return int(self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])["Attributes"][name])

    @property
    def size(self) -> int:
        """How many messages there are, visible or not."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        return sum(self.count(name) for name in names)


def given_up(function: str, event: object) -> dict[str, object]:
    """Return what Lambda sends to a queue that is a function's destination on failure."""
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:{function}:$LATEST"
    about = {"requestId": "e4b46cbf", "functionArn": arn, "condition": "RetriesExhausted"}
    return {"version": "1.0", "requestContext": about, "requestPayload": event}


def logs_in(message: dict[str, Any]) -> list[str]:
    return [log["message"] for log in json.loads(gzip.decompress(base64.b64decode(message["Body"])))]


@pytest.fixture
def queue(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Queue:
    monkeypatch.setattr("forwarder.failed_events.sqs.LONG_POLL", 0)  # moto waits as long as SQS would
    return Queue()


@pytest.fixture
def queueing(start: Start, queue: Queue) -> Starts:
    """Start forwarders that keep in the queue what fails."""

    def queueing(**environ: str) -> Forwarder:
        return start(**{"DD_SQS_QUEUE_URL": queue.url, **environ})

    return queueing


def noise(length: int, seed: int = 0) -> str:
    """Return a string that hardly compresses."""
    return random.Random(seed).randbytes(length).hex()[:length]


def test_a_message_is_within_the_queues_limit_with_its_attributes(queue: Queue) -> None:
    store = SqsStore(queue.url, settings().function)
    history = History(1, time.time(), "status 503: " + "x" * 100)
    sizes = []
    for length in range(4_000, 6_500, 20):  # from what fits easily to what does not
        batch = Batch.of(Signal.LOGS, [json.dumps({"message": noise(length)}).encode()], [(0, 1)])
        batch.history = history
        store.put(batch)
        for message in queue.messages():
            store.delete([message["ReceiptHandle"]])
            sizes.append(size_of(message))
    assert len(sizes) > 10
    assert max(sizes) <= SMALLEST


def size_of(message: dict[str, Any]) -> int:
    """Return how many bytes a message counts for: its body, and of each attribute the name, the type and the value."""
    attributes = message["MessageAttributes"].items()
    return len(message["Body"]) + sum(len(name + of["DataType"] + of["StringValue"]) for name, of in attributes)


def is_visible(queue: Queue) -> bool:
    return queue.count("ApproximateNumberOfMessagesNotVisible") == 0


def test_a_batch_is_a_message_with_its_history_as_attributes(
    queueing: Starts, intake: LocalIntake, queue: Queue
) -> None:
    intake.script.replace([LOGS_DOWN])
    answer = handle(queueing(), awslogs_event(["a", "b"]))
    (message,) = queue.messages()
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert float(attributes.pop("first-failure")) > 0
    assert attributes == {"signal": "logs", "items": "2", "attempts": "1", "reason": "status 503"}
    assert (logs_in(message), answer["items"]["stored"]) == (["a", "b"], 2)


def test_a_batch_is_split_to_the_queues_own_limit(queueing: Starts, intake: LocalIntake, queue: Queue) -> None:
    intake.script.replace([LOGS_DOWN])
    lines = [noise(1_000, seed) for seed in range(20)]
    answer = handle(queueing(), awslogs_event(lines))
    messages = queue.messages()
    assert (answer["items"]["stored"], sorted(sum(map(logs_in, messages), []))) == (20, sorted(lines))  # noqa: RUF017
    assert (len(messages) > 4, max(len(message["Body"]) for message in messages) <= SMALLEST) == (True, True)


def test_an_item_that_is_too_large_alone_is_returned_and_the_others_stored(
    queueing: Starts, intake: LocalIntake, queue: Queue, said: Said
) -> None:
    intake.script.replace([LOGS_DOWN])
    with pytest.raises(DeliveryError, match=r"^1 logs could not be delivered"):
        handle(queueing(), awslogs_event(["a", noise(9_000), "b"]))
    (summary,) = said.summaries
    assert (summary["items"]["stored"], summary["items"]["returned"], is_balanced(summary)) == (2, 1, True)
    assert "an item is larger than the queue's messages may be" in said.text
    assert sorted(sum(map(logs_in, queue.messages()), [])) == ["a", "b"]  # noqa: RUF017 - a few


def test_a_queue_that_takes_nothing_returns_everything(
    queueing: Starts, intake: LocalIntake, cloud: Cloud, queue: Queue, said: Said
) -> None:
    intake.script.replace([LOGS_DOWN])
    cloud.refuse("SendMessage")
    with pytest.raises(DeliveryError, match="1 logs"):
        handle(queueing(), awslogs_event(["a"]))
    assert queue.size == 0
    assert f"Undelivered batches could not be stored in SqsStore({queue.url}): AccessDenied." in said.text


def test_a_queue_that_does_not_return_its_limit_is_used_all_the_same(
    queueing: Starts, intake: LocalIntake, cloud: Cloud, queue: Queue
) -> None:
    intake.script.replace([LOGS_DOWN])
    cloud.refuse("GetQueueAttributes")
    assert handle(queueing(), awslogs_event(["a"]))["items"]["stored"] == 1


def test_a_replay_delivers_both_signals_and_empties_the_queue(
    queueing: Starts, intake: LocalIntake, queue: Queue
) -> None:
    forwarder = queueing()
    intake.script.replace([{"status": 404, "times": 2}])
    for number in range(12):
        intake.script.replace([{"status": 404, "times": 3}])
        handle(forwarder, awslogs_event([f"{number}", coffee()]))
    intake.script.replace([])
    answer = handle(forwarder, RETRY)
    assert (arrived(intake), queue.size, is_balanced(answer)) == ((12, 12), 0, True)
    assert (answer["replayed"], answer["left_in_store"]) == (24, 0)
    assert {log.tags.count("retry:true") for log in intake.store.logs() if log.tags} == {1}


def stored_in(queue: Queue, intake: LocalIntake, forwarder: Forwarder, *lines: str) -> None:
    """Let a forwarder store lines in the queue."""
    intake.script.replace([{"status": 404, "signal": "logs"}])
    handle(forwarder, awslogs_event(lines))


def test_what_is_left_is_visible_at_once(queueing: Starts, intake: LocalIntake, queue: Queue) -> None:
    forwarder = queueing()
    stored_in(queue, intake, forwarder, "a")
    intake.script.replace([LOGS_DOWN])
    answer = handle(forwarder, RETRY)
    assert (queue.size, is_visible(queue), answer["left_in_store"], is_balanced(answer)) == (1, True, 1, True)


def test_what_remains_has_one_more_attempt(queueing: Starts, intake: LocalIntake, queue: Queue) -> None:
    forwarder = queueing()
    stored_in(queue, intake, forwarder, "a", "b")
    intake.script.replace([{"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    handle(forwarder, RETRY)
    (rest,) = queue.messages()
    assert rest["MessageAttributes"]["attempts"]["StringValue"] == "2"


def test_of_what_was_partly_delivered_the_rest_stays(queueing: Starts, intake: LocalIntake, queue: Queue) -> None:
    forwarder = queueing()
    stored_in(queue, intake, forwarder, "a", "b")
    intake.script.replace([{"status": 413, "signal": "logs"}, {"status": 404, "signal": "logs"}])
    answer = handle(forwarder, RETRY)
    (rest,) = queue.messages()
    assert {*logs_in(rest), *(log.message for log in intake.store.logs())} == {"a", "b"}
    assert (answer["items"]["delivered"], answer["items"]["stored"], is_balanced(answer)) == (1, 1, True)


# --- what the forwarder did not put there --------------------------------------------------------

OTHERS = [
    ("not base64!", {}),
    ("bm90IGd6aXA=", {}),
    ("H4sIAAAAAAAA", {"signal": "logs", "items": "1", "attempts": "1", "first-failure": "1795343071.000"}),
    ('{"order": 7}', {"signal": "green"}),
    (json.dumps(given_up("another", {"awslogs": {"data": ""}})), {}),
    (json.dumps(given_up("forwarder", {"foo": 1})), {}),
    (json.dumps({"requestContext": {"functionArn": 7}, "requestPayload": {}}), {}),
]


@pytest.mark.parametrize(("body", "attributes"), OTHERS)
def test_a_message_that_cannot_be_read_stays_visible_and_holds_nothing_up(
    body: str, attributes: dict[str, str], queueing: Starts, intake: LocalIntake, queue: Queue
) -> None:
    forwarder = queueing()
    queue.send(body, **attributes)
    stored_in(queue, intake, forwarder, "a")
    answer = handle(forwarder, RETRY)
    (left,) = queue.messages()
    assert (left["Body"], arrived(intake)) == (body, (1, 0))
    assert (answer["left_in_store"], answer["items"]["rejected"], is_balanced(answer)) == (1, 0, True)


def test_how_many_messages_cannot_be_read_is_a_warning(queueing: Starts, queue: Queue, said: Said) -> None:
    for _ in range(3):
        queue.send("hello")
    handle(queueing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"] == (
        "Something was left in the store: it is not a stored batch, and a queue has no place to set it aside."
        " So were 2 more."
    )


def test_an_event_that_lambda_gave_up_on_goes_through_the_whole_pipeline(
    queueing: Starts, intake: LocalIntake, queue: Queue
) -> None:
    queue.send(json.dumps(given_up("forwarder", awslogs_event(["a", coffee()]))))
    answer = handle(queueing(), RETRY)
    assert (arrived(intake), queue.size, answer["lines"]["received"], is_balanced(answer)) == ((1, 1), 0, 2, True)


def test_events_beyond_the_memory_limit_are_left_to_the_next_replay(
    queueing: Starts, intake: LocalIntake, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.failed_events.sqs.MAX_EVENT_BYTES", 1_000)
    for number in range(3):
        queue.send(json.dumps(given_up("forwarder", awslogs_event([f"{number}"]))))
    forwarder = queueing()
    handle(forwarder, RETRY)
    first = arrived(intake)
    for _ in range(2):
        handle(forwarder, RETRY)
    assert (first < (3, 0), arrived(intake), queue.size) == (True, (3, 0), 0)


# --- how much of a queue is read -----------------------------------------------------------------


def put(queue: Queue, signal: str, body: object) -> None:
    """Put a batch of one item there."""
    metadata = {"signal": signal, "items": "1", "attempts": "1", "first-failure": f"{time.time():.3f}"}
    queue.send(base64.b64encode(gzip.compress(json.dumps(body).encode())).decode(), **metadata)


def put_logs(queue: Queue, count: int) -> None:
    """Put batches there, each of one log."""
    for number in range(count):
        put(queue, "logs", [{"message": f"{number}"}])


@pytest.fixture
def logs_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the intake of logs be given up from the beginning."""
    monkeypatch.setattr(Shipment, "gave_up", lambda _, signal: signal is Signal.LOGS)


@pytest.mark.usefixtures("logs_given_up")
def test_a_queue_is_read_no_further_where_nothing_in_it_can_be_sent(
    queueing: Starts, queue: Queue, cloud: Cloud
) -> None:
    put_logs(queue, 100)
    answer = handle(queueing(), RETRY)
    assert (cloud.count("ReceiveMessage"), queue.size, is_visible(queue)) == (1, 100, True)
    assert (answer["left_in_store"], answer["items"]["created"]) == (100, 0)


@pytest.mark.usefixtures("logs_given_up")
def test_what_can_be_sent_is_although_it_is_among_what_cannot(
    queueing: Starts, intake: LocalIntake, queue: Queue
) -> None:
    put_logs(queue, 5)
    series = [{"metric": "orders", "points": [[int(time.time()), [7.0]]], "type": "distribution", "tags": []}]
    put(queue, "metrics", {"series": series})
    handle(queueing(), RETRY)
    assert (arrived(intake), queue.size) == ((0, 1), 5)


def test_a_queue_is_read_to_its_end(queueing: Starts, intake: LocalIntake, queue: Queue) -> None:
    put_logs(queue, 35)
    handle(queueing(), RETRY)
    assert (arrived(intake), queue.size) == ((35, 0), 0)


def test_a_queue_is_asked_to_look_at_all_of_its_servers(
    queueing: Starts, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("forwarder.failed_events.sqs.LONG_POLL", 1)
    asked: list[int] = []
    assert boto3.DEFAULT_SESSION is not None
    boto3.DEFAULT_SESSION.events.register(
        "provide-client-params.sqs.ReceiveMessage", lambda params, **_: asked.append(params["WaitTimeSeconds"])
    )
    handle(queueing(), RETRY)
    assert asked == [1]


# --- the check -----------------------------------------------------------------------------------


def test_a_check_leaves_a_probe_which_the_next_replay_removes(
    queueing: Starts, intake: LocalIntake, queue: Queue, said: Said
) -> None:
    forwarder = queueing()
    found = handle(forwarder, {"check": True})
    assert (found["store"]["writable"], queue.size) == (True, 1)
    handle(forwarder, RETRY)
    assert (queue.size, said.at("WARNING")) == (0, [])


@pytest.mark.parametrize("operation", ["SendMessage", "GetQueueAttributes"])
def test_a_queue_that_may_not_be_used_is_a_problem(
    operation: str, queueing: Starts, intake: LocalIntake, queue: Queue, cloud: Cloud
) -> None:
    cloud.refuse(operation)
    assert "AccessDenied" in handle(queueing(), {"check": True})["store"]["problem"]


# --- failures of the queue ----------------------------------------------------------------------


def test_a_queue_that_cannot_be_read_is_a_warning(
    queueing: Starts, intake: LocalIntake, queue: Queue, cloud: Cloud, said: Said
) -> None:
    cloud.refuse("ReceiveMessage")
    handle(queueing(), RETRY)
    (warning,) = said.at("WARNING")
    assert warning["message"] == "The replay ended early: the queue could not be read: AccessDenied."


def test_a_message_that_is_not_removed_is_noticed_although_the_answer_is_200(
    queueing: Starts, intake: LocalIntake, queue: Queue, cloud: Cloud, said: Said
) -> None:
    forwarder = queueing()
    stored_in(queue, intake, forwarder, "a")
    cloud.answer("DeleteMessageBatch", Failed=[{"Id": "0", "Code": "ReceiptHandleIsInvalid"}])
    handle(forwarder, RETRY)
    assert any("could not be removed: ReceiptHandleIsInvalid" in each["message"] for each in said.at("WARNING"))


def test_a_bucket_goes_before_a_queue(queueing: Starts, intake: LocalIntake, queue: Queue) -> None:
    intake.script.replace([LOGS_DOWN])
    with pytest.raises(DeliveryError):
        handle(queueing(DD_S3_BUCKET_NAME="gone"), awslogs_event(["a"]))
    assert queue.size == 0
