import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

import gateway
from gateway.adapters import ADAPTERS
from gateway.app import PUBLIC, create_app
from gateway.codes import CODES
from gateway.contracts import APIS
from gateway.crm.log import Unguarded
from gateway.documentation import Documentation
from gateway.settings import Settings
from gateway.tests.fakes import client

pytestmark = pytest.mark.anyio


async def get(path):
    async with client(Documentation(APIS, ADAPTERS).entries()) as http:
        return await http.get(path)


@pytest.fixture
async def document():
    return (await get("/openapi.json")).json()


async def test_the_openapi_document_is_valid(document):
    assert document["openapi"] == "3.1.0"
    validate(document)


async def test_every_endpoint_that_is_served_is_documented_and_none_that_is_not(document):
    app = create_app(Settings("postgresql:///none", "amqp://localhost"))
    served = {
        (method, path.replace(":path", ""))
        for path, methods in app.endpoints.table.items()
        for method in methods
        if method != "HEAD"
    }
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert served - {("GET", "/docs/style.css")} == documented


async def test_every_operation_says_its_scope_or_is_public(document):
    for path, methods in document["paths"].items():
        for operation in methods.values():
            if operation.get("security") == []:
                assert path in Unguarded(PUBLIC)
            else:
                assert operation["x-scope"] in operation["description"]
            assert "default" in operation["responses"]


async def test_commands_document_their_headers(document):
    names = {parameter["name"] for parameter in document["paths"]["/v1/queues/{queue}"]["put"]["parameters"]}
    assert names == {"queue", "If-Match", "Idempotency-Key"}


async def test_the_page_shows_every_operation_and_needs_nothing_from_elsewhere(document):
    page = await get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    for methods in document["paths"].values():
        for operation in methods.values():
            assert f'id="{operation["operationId"]}"' in page.text
    assert "<script" not in page.text
    assert "//" not in re.sub(r"\s//.*", "", page.text.replace("</", "<"))
    assert "Authorization: Bearer $PLATEAU_TOKEN" in page.text.replace("&quot;", '"')
    assert (await get("/docs/style.css")).headers["content-type"].startswith("text/css")


def codes_used(folder, *patterns):
    return {
        code
        for path in folder.glob("**/*.py")
        if "tests" not in path.parts
        for pattern in patterns
        for code in re.findall(pattern, path.read_text())
    }


async def test_the_catalogue_lists_every_code_that_anything_answers_with():
    listed = {item["code"]: item for item in (await get("/v1/errors")).json()["items"]}
    assert listed.keys() == CODES.keys()
    root = Path(gateway.__file__).parents[1]
    dotted = r'"([a-z_]+(?:\.[a-z_0-9]+)+)"'
    used = codes_used(root / "gateway", r"Problem\(\s*" + dotted, r"FieldError\([^,()]+, " + dotted)
    used |= codes_used(root / "services", r"(?:Rejected|refused)\(\s*" + dotted, r'_unfit\("([a-z_]+)"')
    for folder in ("gateway", "services"):
        used |= codes_used(root / folder, r'FieldError\([^,()]+, "([a-z_]+)"')
    assert len(used) > 30
    assert used <= listed.keys()
    assert all(item["meaning"] and item["remedy"] for item in listed.values())


async def test_no_code_is_listed_that_nothing_answers_with():
    root = Path(gateway.__file__).parents[1]
    texts = "".join(
        path.read_text()
        for folder in ("gateway", "services")
        for path in (root / folder).glob("**/*.py")
        if path.name != "codes.py" and "tests" not in path.parts
    )
    assert [code for code in CODES if f'"{code}"' not in texts] == []
