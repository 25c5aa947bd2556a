import socket
from pathlib import Path
from typing import Protocol

import pytest

from local_run.engine import Route, route
from local_run.function import RunError

# Reserved for documentation (RFC 5737): no machine has such an address.
NOBODYS_NETWORK = "192.0.2.0/24"


class Docker(Protocol):
    """Puts a `docker` on the path that prints this about its bridge."""

    def __call__(self, configurations: str, status: int = 0) -> None: ...


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Put a `docker` on the path, and nothing else, that prints this about its bridge."""

    def says(configurations: str, status: int = 0) -> None:
        program = tmp_path / "docker"
        program.write_text(f"#!/bin/sh\necho '{configurations}'\nexit {status}\n")
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    return says


def test_servers_listen_on_the_gateway_of_the_bridge_if_this_machine_has_it(docker: Docker) -> None:
    docker('[{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.2"}]')
    assert route() == Route("127.0.0.2", "127.0.0.2")


def test_a_gateway_that_is_not_named_is_the_first_address_of_the_network(docker: Docker) -> None:
    docker('[{"Subnet": "127.0.0.0/8"}]')
    assert route() == Route("127.0.0.1", "127.0.0.1")


def test_an_ipv6_network_is_ignored(docker: Docker) -> None:
    docker('[{"Subnet": "fd00::/80", "Gateway": "fd00::1"}, {"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.3"}]')
    assert route().address == "127.0.0.3"


@pytest.mark.parametrize("configurations", [f'[{{"Subnet": "{NOBODYS_NETWORK}"}}]', "[]", "null"])
def test_where_the_bridge_is_in_another_machine_the_engine_passes_on_to_loopback(
    docker: Docker, configurations: str
) -> None:
    docker(configurations)
    assert route() == Route("127.0.0.1", "host.docker.internal")


def test_a_url_for_the_container_has_the_engines_name_for_this_machine() -> None:
    assert (
        Route("127.0.0.1", "host.docker.internal").inside("http://127.0.0.1:80/a") == "http://host.docker.internal:80/a"
    )


def test_looking_for_an_address_leaves_no_port_in_use(docker: Docker) -> None:
    docker('[{"Subnet": "127.0.0.0/8", "Gateway": "127.0.0.4"}]')
    address = route().address
    with socket.create_server((address, 0)) as server:
        assert server.getsockname()[0] == address


def test_without_docker_one_sentence_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match=r"^There is no container engine: install Docker .* DOCKER_HOST\.$"):
        route()


def test_an_engine_that_does_not_respond_is_the_same_sentence(docker: Docker) -> None:
    docker("Cannot connect to the Docker daemon", status=1)
    with pytest.raises(RunError, match="There is no container engine"):
        route()
