"""What tests of deletions share."""

from typing import Any

from subscriber import COMMAND
from subscriber.plan import Ours
from subscriber.records import Function
from tests.subscriber.conftest import CloudFormation
from tests.subscriber.samples import resource
from tests.subscriber.support import INCUMBENT, OWN, World

MANY = [f"/aws/lambda/f{number:04}" for number in range(5_000)]
FEW = MANY[:30]
REMOVE = f"{COMMAND} remove --forwarder-arn {OWN.destination} --filter-name {OWN.name}"
OLD = Ours(Function.of(INCUMBENT, "OLD"))  # the forwarder before it was replaced


def only_response(cloudformation: CloudFormation) -> dict[str, Any]:
    (answer,) = cloudformation.responses
    return answer


def remove(world: World, cloudformation: CloudFormation, seconds: float = 900, **fields: object) -> int:
    """Delete the resource; return the number of invocations."""
    return world.run(
        world.subscriber(MAX_ROUNDS="400", LOG_LEVEL="ERROR"), resource("Delete", cloudformation.url, **fields), seconds
    )
