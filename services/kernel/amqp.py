"""What every AMQP connection of ours agrees on, whichever loop serves it."""

import pika

HEARTBEAT = 20  # seconds; a peer that is silent for twice as long counts as gone
STEADY = 10  # seconds; a connection that lasted less keeps the backoff growing
FAREWELL = 5  # seconds; a broker that does not answer a close in that time is left

RPC_EXCHANGE = "nameko-rpc"  # Nameko's name for it


def parameters(url: str, name: str) -> pika.URLParameters:
    """How to connect to the broker at `url`; it shows the connection as `name`."""
    made = pika.URLParameters(url)
    made.heartbeat = HEARTBEAT
    made.connection_attempts = 1  # whoever keeps the connection tries again, with pauses
    made.client_properties = {"connection_name": name}
    return made
