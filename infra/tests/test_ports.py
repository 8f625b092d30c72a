import socket

import click
import pytest

from infra.local.ports import LOOPBACK, Ports, is_free, require_free


@pytest.fixture
def busy_port():
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_busy_port_is_named_with_its_purpose_and_what_to_set(busy_port):
    with pytest.raises(click.ClickException) as raised:
        require_free({"HTTP": busy_port}, "HTTP_PORT")
    assert raised.value.message == (
        f"port {busy_port} (HTTP) is in use by another program. Choose others with HTTP_PORT."
    )


def test_free_ports_are_no_error(busy_port):
    free = next(port for port in range(20000, 30000) if port != busy_port and is_free(port))
    require_free({"HTTP": free}, "HTTP_PORT")


def test_a_port_left_in_time_wait_is_free():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        client = socket.create_connection((LOOPBACK, port))
        accepted, _ = listener.accept()
        accepted.close()
        client.close()
    assert is_free(port)


def test_no_two_servers_share_a_port():
    ports = Ports(25000)
    all_ports = [*ports.servers().values(), *(ports.metrics(index) for index in range(4))]
    assert len(set(all_ports)) == len(all_ports)
