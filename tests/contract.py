"""The OpenAPI document as what a client relies on: whether an answer is what it says."""

from typing import Any

import httpx
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

Json = dict[str, Any]

ADDRESS = "urn:openapi"
STREAM = "text/event-stream"


class Contract:
    """A document, asked about answers and operations."""

    def __init__(self, document: Json) -> None:
        self.paths: Json = document["paths"]
        resource = Resource.from_contents(document, default_specification=DRAFT202012)
        self._registry = Registry().with_resource(ADDRESS, resource)

    def operations(self, *methods: str) -> list[tuple[str, str, Json]]:
        """Method, path and description of each operation, of these methods only."""
        return [
            (method.upper(), path, operation)
            for path, described in sorted(self.paths.items())
            for method, operation in described.items()
            if method.upper() in methods
        ]

    def answered(self, *methods: str) -> list[tuple[str, str, Json]]:
        """Those operations whose answer has an end."""
        return [each for each in self.operations(*methods) if STREAM not in str(each[2]["responses"])]

    def holds(self, method: str, path: str, answer: httpx.Response) -> None:
        """Fails where an answer has a media type or a shape that the document does not give it."""
        answers = self.paths[path][method.lower()]["responses"]
        status = str(answer.status_code) if str(answer.status_code) in answers else "default"
        media_type = answer.headers["Content-Type"].partition(";")[0]
        content = answers[status]["content"]
        assert media_type in content, f"{status} as {media_type}: {answer.text}"
        if media_type.endswith("json"):
            place = ["paths", path, method.lower(), "responses", status, "content", media_type, "schema"]
            pointer = "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
            schema = {"$ref": f"{ADDRESS}#/{pointer}"}
            Draft202012Validator(schema, registry=self._registry).validate(answer.json())


def is_problem(answer: httpx.Response, status: int, code: str) -> Json:
    """The problem that an answer is; fails where it is none, or another."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (status, code), problem
    assert problem["type"].endswith(f"/v1/errors#{code}")
    assert problem["title"]
    assert problem["detail"]
    assert problem["request_id"] == answer.headers["X-Request-Id"]
    return dict(problem)
