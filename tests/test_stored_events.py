"""Every event that a service decides on or publishes has a golden file: see `services/kernel/tests/golden.py`."""

import pytest

from gateway.contracts import APIS
from services.kernel.tests.golden import golden_files, keeps_its_shape, meaning, newest, shape_of, stored_by

STORED = [(api.name, name, cls) for api in APIS for name, cls in stored_by(api).items()]
FILES = [(api.name, file, stored_by(api)[file.name]) for api in APIS for file in golden_files(api.name)
         if file.name in stored_by(api)]  # fmt: skip


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_every_type_has_a_golden_file_of_its_version(api):
    wanted = {name: cls.schema_version for name, cls in stored_by(api).items()}
    found = newest(golden_files(api.name))
    assert wanted.items() <= found.items(), "Add the golden file of a new type or version; never take one away."


@pytest.mark.parametrize(("service", "name", "cls"), STORED)
def test_a_shape_changes_only_with_its_version(service, name, cls):
    keeps_its_shape(shape_of(cls), name, cls.schema_version, golden_files(service))


@pytest.mark.parametrize(("service", "file", "cls"), FILES)
def test_todays_code_reads_what_was_stored_as_it_was_meant(service, file, cls):
    assert meaning(cls, file.stored) == file.means
