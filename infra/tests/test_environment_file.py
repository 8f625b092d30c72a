import itertools
import stat

from infra.local import environment_file


def test_only_the_owner_may_read_it(tmp_path):
    path = tmp_path / "env"
    path.write_text("PLATEAU_TOKEN=old\n")
    path.chmod(0o644)
    environment_file.write(path, {"PLATEAU_TOKEN": "pl_1=", "PLATEAU_URL": "http://127.0.0.1:8080"})
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert environment_file.read(path) == {"PLATEAU_TOKEN": "pl_1=", "PLATEAU_URL": "http://127.0.0.1:8080"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_is_made_once(tmp_path):
    path = tmp_path / "secrets"
    counter = itertools.count()
    makers = {"FIRST": lambda: str(next(counter)), "SECOND": lambda: str(next(counter))}
    made = environment_file.fill(path, {"FIRST": makers["FIRST"]})
    assert made == {"FIRST": "0"}
    assert environment_file.fill(path, makers) == {"FIRST": "0", "SECOND": "1"}
    assert environment_file.fill(path, makers) == {"FIRST": "0", "SECOND": "1"}
    assert environment_file.read(path) == {"FIRST": "0", "SECOND": "1"}


def test_a_missing_file_is_empty(tmp_path):
    assert environment_file.read(tmp_path / "env") == {}
