"""Every drill: one line a fault."""

from functools import partial

from infra.command_line import ROLES
from infra.local.servers import SERVERS
from loadtests.drills import faults
from loadtests.drills.drilling import Drill

# Longer than the broker waits for a sign of life of a consumer, and than PostgreSQL lets a transaction lie idle.
FROZEN_SECONDS = 50
ALARM_SECONDS = 10

DRILLS = (
    *(Drill(f"kill-{name}", f"kill -9 of {name}", partial(faults.killed, program=name)) for name in (*ROLES, *SERVERS)),
    *(
        Drill(f"freeze-{name}", f"{name} frozen", partial(faults.frozen, program=name), FROZEN_SECONDS)
        for name in (*ROLES, "rabbitmq")
    ),
    Drill("cut-broker", "all connections to RabbitMQ cut, 5 times", faults.broker_connections_cut),
    Drill("cut-postgres", "all sessions of PostgreSQL ended, 5 times", faults.sessions_ended),
    Drill("disk-alarm", "RabbitMQ short of disk", faults.disk_alarm, ALARM_SECONDS),
    Drill("memory-alarm", "RabbitMQ short of memory", faults.memory_alarm, ALARM_SECONDS),
    Drill("poison-bodies", "a body that is no JSON in every queue", faults.unreadable_messages),
    Drill("poison-content", "a fact or an event that is refused in every queue", faults.refused_messages),
)
