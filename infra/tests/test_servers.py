"""Starts servers of its own, kills them, and sees that they come back and that nothing stays."""

import stat

import click
import pika
import psutil
import psycopg
import pytest

from infra.local import processes
from infra.local.ports import LOOPBACK, Ports, is_free
from infra.local.servers import SERVERS, Servers
from infra.local.waiting import wait_until

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    base = next(
        base for base in range(26800, 30000, 20) if all(is_free(port) for port in Ports(base).servers().values())
    )
    servers = Servers(tmp_path_factory.mktemp("servers"), Ports(base), durable=False)
    servers.start("--port-base")
    yield servers
    servers.forget()


def wait(servers: Servers, condition, name: str) -> None:
    wait_until(condition, name, servers.supervisor.logs / f"{name}.log", 30)


def test_every_server_listens_on_the_loopback_address_only(servers):
    listening = {
        (address.laddr.ip, address.laddr.port)
        for state in servers.supervisor.states()
        for address in psutil.Process(state.pid).net_connections()
        if address.status == psutil.CONN_LISTEN
    }
    assert {port for _, port in listening} == set(servers.ports.servers().values()) - {servers.ports.supervisor}
    assert {address for address, _ in listening} <= {LOOPBACK, "::1"}


def test_files_with_passwords_are_the_owners_only(servers):
    for name in ("secrets", "supervisord.conf"):
        assert stat.S_IMODE((servers.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(servers.rabbitmq.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(servers.postgres.folder.stat().st_mode) == 0o700


def test_servers_are_started_in_the_order_of_their_names(servers):
    assert tuple(program.name for program in servers.programs()) == SERVERS
    assert {state.name for state in servers.supervisor.states()} == set(SERVERS)


def test_rabbitmqctl_speaks_of_this_node_or_says_why_not(servers):
    assert servers.rabbitmq.control("list_vhosts").split() == ["name", "plateau"]
    with pytest.raises(click.ClickException, match="list_nothing"):
        servers.rabbitmq.control("list_nothing")


def test_a_second_start_changes_nothing(servers):
    before = servers.supervisor.states()
    servers.start("--port-base")
    assert servers.supervisor.states() == before


@pytest.mark.parametrize("name", SERVERS)
def test_what_dies_comes_back(servers, name):
    pid = servers.supervisor.kill(name)
    assert not psutil.pid_exists(pid)
    wait(servers, lambda: servers.supervisor.pid_of(name) not in {0, pid}, name)
    wait(servers, lambda: servers.postgres.answers() and servers.rabbitmq.answers(), name)


def test_the_pid_is_the_brokers_own(servers):
    assert psutil.Process(servers.supervisor.pid_of("rabbitmq")).name() == "beam.smp"


def test_orphans_of_a_killed_supervisord_are_ended_and_what_they_kept_is_there(servers):
    with psycopg.connect(servers.postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS figure")
    with pika.BlockingConnection(pika.URLParameters(servers.rabbitmq.url)) as connection:
        connection.channel().queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    orphans = [servers.supervisor.pid_of(name) for name in SERVERS]
    daemon = psutil.Process(orphans[0]).parent()
    daemon.kill()
    daemon.wait()
    assert all(psutil.pid_exists(pid) for pid in orphans)

    servers.start("--port-base")

    assert not any(psutil.pid_exists(pid) for pid in orphans)
    with psycopg.connect(servers.postgres.url) as connection:
        assert connection.execute("SELECT figure FROM kept").fetchone() == (42,)
    with pika.BlockingConnection(pika.URLParameters(servers.rabbitmq.url)) as connection:
        connection.channel().queue_declare("kept", passive=True)


def test_the_wrapper_ends_an_orphan_of_its_own_node(servers):
    # supervisord forgets a program that it no longer has in its settings; its process is then as good as an orphan.
    orphan = psutil.Process(servers.supervisor.pid_of("rabbitmq"))
    assert orphan in processes.left_over(servers.home, "rabbitmq")
    servers.rabbitmq.end_orphan()
    assert not orphan.is_running()
    assert psutil.pid_exists(servers.supervisor.pid_of("postgres"))
    wait(servers, servers.rabbitmq.answers, "rabbitmq")


def test_stop_leaves_no_process_and_no_port(servers):
    assert len(processes.left_over(servers.home)) >= 4
    servers.stop()
    assert processes.left_over(servers.home) == []
    assert all(is_free(port) for port in servers.ports.servers().values())


def test_forget_leaves_no_folder(servers):
    data = servers.postgres.folder
    assert data.exists()
    servers.forget()
    assert not servers.home.exists()
    assert not data.exists()
