"""The document for programs: valid, complete, and true of what is answered."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from controlpanel.gateway.routes import ROUTES
from controlpanel.gateway.spec import error_codes, examples, openapi
from tests.gateway.asking import said

URL = "/api/v1/openapi.json"
DOCUMENT = openapi.document("https://panel.example.com")
# The OpenAPI Initiative's, of 2022-10-07, under the Apache License 2.0.
META = json.loads((Path(__file__).parent / "openapi-3.1.schema.json").read_text(encoding="utf-8"))


def test_it_works(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert said(answer)["openapi"] == "3.1.0"
    assert said(answer)["servers"] == [{"url": "http://localhost:8000/api/v1"}]
    assert not answer.cookies


def test_it_need_not_be_sent_twice(client):
    first = client.get(URL)
    again = client.get(URL, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "max-age" in again["Cache-Control"]
    assert again["ETag"] == first["ETag"]


def test_it_is_only_read(client):
    answer = client.post(URL)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")
    assert client.head(URL).status_code == 200


def test_it_is_valid():
    errors = Draft202012Validator(META).iter_errors(DOCUMENT)
    assert [f"{list(one.path)}: {one.message}" for one in errors] == []


def test_its_schemas_are_valid():
    for schema in _schemas(DOCUMENT):
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere():
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)))
    assert references
    for reference in references:
        here: Any = DOCUMENT
        for step in reference.split("/"):
            here = here[step]
    named = {one.split("/")[-1] for one in references}
    for kind in ("schemas", "headers", "parameters"):
        assert set(DOCUMENT["components"][kind]) <= named, "one that nothing refers to"


def test_every_call_is_there_and_no_other():
    there = {
        (method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods
    }
    assert there == {(route.method, route.path) for route in ROUTES}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_call_says_what_it_needs(route):
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    names = {one["name"] for one in operation["parameters"] if "name" in one}
    assert names == set(re.findall(r"{(\w+)}", route.path)) | set(route.query)
    assert ("requestBody" in operation) == (route.body is not None)
    if route.body is not None:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema.get("required", []) == list(route.required)
        assert set(schema["properties"]) == set(route.body)
    assert {*map(str, route.codes), "401", "429"} <= set(operation["responses"])


@pytest.mark.parametrize("name", examples.ANSWERS)
def test_the_examples_are_as_the_schemas_say(name):
    route = next(one for one in ROUTES if one.name == name)
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    success = next(text for code, text in operation["responses"].items() if code[0] == "2")
    _validator(success["content"]["application/json"]["schema"]).validate(examples.ANSWERS[name])


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_example_bodies_are_as_the_schemas_say(route):
    body = examples.SAMPLES[route.name].body
    assert (body is None) == (route.body is None)
    if body is not None:
        operation = DOCUMENT["paths"][route.path][route.method.lower()]
        media = operation["requestBody"]["content"]["application/json"]
        _validator(media["schema"]).validate(body)


READS = [route for route in ROUTES if route.method == "GET" and "{operation}" not in route.path]


@pytest.mark.django_db
@pytest.mark.parametrize("route", READS, ids=lambda route: route.name)
def test_what_is_answered_is_as_it_says(viewer, route):
    answer = viewer.get(examples.SAMPLES[route.name].path)
    assert answer.status_code == 200
    _is_documented(route.path, "get", answer)


@pytest.mark.django_db
def test_changes_and_refusals_are_as_it_says(operator, viewer, sandbox):
    new = examples.SAMPLES["servers.create"]
    made = operator.post(new.path, new.body, Idempotency_Key="one")
    assert made.status_code == 201
    _is_documented("/servers/", "post", made)
    followed = operator.get(made["X-Operation"].partition("/api/v1")[2])
    assert followed.status_code == 200
    _is_documented("/operations/{operation}/", "get", followed)
    path = "/servers/{id}/stop/"
    for answer, status in (
        (operator.post("/servers/12345/stop/"), 200),
        (operator.post("/servers/12348/stop/"), 400),
        (viewer.post("/servers/12345/stop/"), 403),
        (operator.post("/servers/999/stop/"), 404),
        (operator.post("/servers/12346/stop/", {"a": 1}), 400),
    ):
        assert answer.status_code == status
        _is_documented(path, "post", answer)


def test_a_refusal_of_the_panels_has_a_sentence_and_a_remedy():
    for known in error_codes.KNOWN:
        assert known.meaning.endswith("."), known.code
        assert known.remedy.endswith("."), known.code
    keys = [(known.status, known.code) for known in error_codes.KNOWN]
    assert len(keys) == len(set(keys))


def _is_documented(path: str, method: str, answer: Any) -> None:
    documented = DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)]
    _validator(documented["content"]["application/json"]["schema"]).validate(said(answer))
    ours = {"X-Request-Id", "X-Operation", "RateLimit", "RateLimit-Policy", "Retry-After"}
    assert ours & set(answer.headers) <= set(documented["headers"])


def _validator(schema: Any) -> Draft202012Validator:
    """References lead into the document."""
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def _schemas(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        if "schema" in value:
            yield value["schema"]
        yield from value.get("schemas", {}).values()
        for one in value.values():
            yield from _schemas(one)
    elif isinstance(value, list):
        for one in value:
            yield from _schemas(one)
