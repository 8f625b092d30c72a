import stat

from supervisor.options import ServerOptions

from infra.local.supervisor import Program, Supervisor


def parsed(home, program):
    """The program as supervisord itself reads it from the file that we write."""
    supervisor = Supervisor(home, 20004, "word")
    supervisor.logs.mkdir()
    supervisor._write([program])
    options = ServerOptions()
    options.realize(["--configuration", str(supervisor.settings_path)])
    (group,) = options.process_group_configs
    return group.process_configs[0]


def test_supervisord_reads_back_what_was_meant(tmp_path):
    environment = {"PLATEAU_AMQP_URL": "amqp://plateau:a%b,c=d@127.0.0.1/plateau", "HOME": "/a b"}
    program = Program("gateway", ["/bin/a program", "--text", "50 %", "(x)"], 30, environment, autostart=False)
    read = parsed(tmp_path, program)
    assert read.command == '"/bin/a program" "--text" "50 %" "(x)"'
    assert read.environment == environment
    assert (read.priority, read.autostart, read.stopasgroup, read.killasgroup) == (30, False, True, True)


def test_a_program_is_never_given_up(tmp_path):
    read = parsed(tmp_path, Program("gateway", ["/bin/true"], 30))
    assert read.autorestart.__name__ == "RestartUnconditionally"
    assert read.startretries >= 1_000_000
    assert read.startsecs <= 3


def test_its_settings_hold_passwords_and_are_the_owners_only(tmp_path):
    parsed(tmp_path, Program("gateway", ["/bin/true"], 30))
    assert stat.S_IMODE((tmp_path / "supervisord.conf").stat().st_mode) == 0o600
