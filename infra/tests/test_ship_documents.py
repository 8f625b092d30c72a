"""Call records that FreeSWITCH left as files, on their way to Plateau."""

import os
from itertools import repeat
from threading import Event

from infra.shipping import posting
from infra.shipping.documents import PATH, DocumentShipper
from infra.shipping.keeping import Folder
from infra.shipping.posting import Poster
from infra.shipping.sending import Sender
from infra.tests.fake_plateau import fake_plateau


def leave(directory, name, age):
    """A record that was written so many seconds ago."""
    path = directory / name
    path.write_text(f'{{"core-uuid": "{name}"}}')
    os.utime(path, (path.stat().st_atime, path.stat().st_mtime - age))


def test_each_record_is_sent_once_the_oldest_first_and_moved_to_what_became_of_it(tmp_path):
    for name, age in (("b.cdr.json", 20), ("a.cdr.json", 10), ("refused.cdr.json", 5), ("being-written.cdr.json", 0)):
        leave(tmp_path, name, age)
    with fake_plateau() as plateau, Poster(plateau.url, "pl_key", Event()) as poster:
        plateau.answers += [(202, {}), (202, {}), (422, {})]
        shipper = DocumentShipper(tmp_path, Sender("fs1", poster, Folder(tmp_path / ".plateau")))
        shipper.ship()
        shipper.ship()
        assert [(path, parameters) for path, parameters, _ in plateau.posts] == [(PATH, {"source": "fs1"})] * 3
        assert [b"b.cdr" in body for _, _, body in plateau.posts] == [True, False, False]
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert left == ["being-written.cdr.json", "done/a.cdr.json", "done/b.cdr.json", "rejected/refused.cdr.json"]
    assert "refused" in (tmp_path / ".plateau/rejected.jsonl").read_text()


def test_a_record_at_which_plateau_fails_keeps_no_others(tmp_path, monkeypatch):
    monkeypatch.setattr(posting, "pauses", lambda *_: repeat(0.001))
    for name, age in (("poison.cdr.json", 20), ("good.cdr.json", 10)):
        leave(tmp_path, name, age)
    with fake_plateau() as plateau, Poster(plateau.url, "pl_key", Event()) as poster:
        plateau.fails_at = [b"poison"]
        plateau.answers += [(500, {})] * posting.TRIES + [(202, {})]
        shipper = DocumentShipper(tmp_path, Sender("fs1", poster, Folder(tmp_path / ".plateau")))
        shipper.ship()
        left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
        assert left == ["done/good.cdr.json", "poison.cdr.json"]
        plateau.answers.append((202, {}))
        shipper.ship()
    assert (tmp_path / "done/poison.cdr.json").exists()


def test_a_record_that_cannot_be_moved_keeps_no_others(tmp_path):
    for name, age in (("b.cdr.json", 20), ("refused.cdr.json", 10), ("c.cdr.json", 5)):
        leave(tmp_path, name, age)
    (tmp_path / "rejected").write_text("not a folder")
    with fake_plateau() as plateau, Poster(plateau.url, "pl_key", Event()) as poster:
        plateau.answers += [(202, {}), (422, {}), (202, {})]
        DocumentShipper(tmp_path, Sender("fs1", poster, Folder(tmp_path / ".plateau"))).ship()
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json"))
    assert left == ["done/b.cdr.json", "done/c.cdr.json", "refused.cdr.json"]
