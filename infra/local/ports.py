"""Which ports a stack takes, and what to say when one of them is taken already."""

import socket
from dataclasses import dataclass

import click

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """The ports of one stack, counted from `base`; each is bound to the loopback address only."""

    base: int

    @property
    def postgres(self) -> int:
        """PostgreSQL."""
        return self.base

    @property
    def amqp(self) -> int:
        """RabbitMQ, AMQP 0-9-1."""
        return self.base + 1

    @property
    def distribution(self) -> int:
        """RabbitMQ's Erlang node."""
        return self.base + 2

    @property
    def epmd(self) -> int:
        """Erlang's port mapper, our own."""
        return self.base + 3

    @property
    def supervisor(self) -> int:
        """supervisord's control port, with a password."""
        return self.base + 4

    def metrics(self, index: int) -> int:
        """Prometheus port of the process number `index`, from 0."""
        return self.base + 10 + index

    def servers(self) -> dict[str, int]:
        """The ports without which no server starts, by the name of what listens there."""
        return {
            "PostgreSQL": self.postgres,
            "RabbitMQ": self.amqp,
            "RabbitMQ's Erlang node": self.distribution,
            "epmd": self.epmd,
            "supervisord": self.supervisor,
        }


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of the loopback address now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def require_free(wanted: dict[str, int], setting: str) -> None:
    """Raise a `click.ClickException` that names each busy port of `wanted` and the `setting` to change."""
    busy = [f"port {port} ({name})" for name, port in wanted.items() if not is_free(port)]
    if busy:
        verb = "is" if len(busy) == 1 else "are"
        raise click.ClickException(f"{', '.join(busy)} {verb} in use by another program. Choose others with {setting}.")
