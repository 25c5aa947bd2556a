"""The container engine: whether it is there, and how a container reaches a server on this machine."""

import ipaddress
import json
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from local_run.function import RunError
from local_run.process import LOOPBACK

BRIDGE = "bridge"  # the default network of a container
HOST_OF_CONTAINER = "host.docker.internal"
NO_ENGINE = (
    "There is no container engine: install Docker (https://docs.docker.com/get-started/get-docker/) and start it; "
    "if its socket is not the default one, name it in DOCKER_HOST."
)


@dataclass(frozen=True)
class Route:
    """Where a server listens, `address`, for a container that calls it `name`."""

    address: str
    name: str

    def inside(self, text: str) -> str:
        """Return a string, such as a URL, as the container has to write it."""
        return text.replace(self.address, self.name)


def route() -> Route:
    """Find the route from a container to this machine. Raises RunError if no engine responds."""
    gateway = _gateway(_configurations())
    if gateway and _is_here(gateway):
        return Route(gateway, gateway)
    # The engine runs in a virtual machine, as Docker Desktop's does, which maps this name to our loopback.
    return Route(LOOPBACK, HOST_OF_CONTAINER)


def has_image(pattern: str) -> bool:
    """Return whether the engine has an image whose name matches, so that no registry is needed."""
    return bool(_docker("image", "ls", "--quiet", "--filter", f"reference={pattern}").stdout.strip())


def _configurations() -> list[dict[str, Any]]:
    done = _docker("network", "inspect", BRIDGE, "--format", "{{json .IPAM.Config}}")
    if done.returncode != 0:
        raise RunError(NO_ENGINE)
    return json.loads(done.stdout) or []


def _docker(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = ["docker", *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=False)
    except OSError:
        raise RunError(NO_ENGINE) from None


def _gateway(configurations: list[dict[str, Any]]) -> str | None:
    """Return the IPv4 gateway: the configured one, or else the first address of the network, as Docker does."""
    for each in configurations:
        with suppress(KeyError, ValueError):
            first = next(ipaddress.IPv4Network(each["Subnet"]).hosts())
            return str(each.get("Gateway") or first)
    return None


def _is_here(address: str) -> bool:
    with suppress(OSError), socket.create_server((address, 0)):
        return True
    return False
