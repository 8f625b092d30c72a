"""`/docs`: the OpenAPI document as a page to read, without script and without the internet."""

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

STYLE_PATH = "/docs/style.css"
STYLE = b"""
:root { color-scheme: light dark; --line: #8884; --dim: #777; --code: #8881 }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; display: grid; grid-template-columns: 18rem minmax(0, 1fr) }
nav { padding: 1.5rem; border-right: 1px solid var(--line); position: sticky; top: 0; height: 100vh; overflow: auto;
      box-sizing: border-box; font-size: .85rem }
nav a { display: block; text-decoration: none; color: inherit; padding: .1rem 0; overflow-wrap: anywhere }
nav b { display: block; margin: 1rem 0 .2rem }
main { padding: 1.5rem 2rem; max-width: 60rem } section { border-top: 1px solid var(--line); padding: 1rem 0 }
h3 { font: 600 1rem/1.4 ui-monospace, monospace; margin: 0 } h3 span { color: var(--dim) }
pre { background: var(--code); padding: .7rem; overflow: auto; font-size: .85rem } code { background: var(--code) }
table { border-collapse: collapse; font-size: .9rem } td, th { text-align: left; vertical-align: top;
      padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line) } .dim { color: var(--dim) }
@media (max-width: 50rem) { body { display: block } nav { position: static; height: auto } }
"""


def page(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document."""
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    schemas = document["components"]["schemas"]
    links = "".join(
        f"<b>{escape(tag)}</b>"
        + "".join(
            f'<a href="#{operation["operationId"]}">{method} {escape(path)}</a>' for method, path, operation in group
        )
        for tag, group in sorted(groups.items())
    )
    operations = "".join(
        f"<h2>{escape(tag)}</h2>" + "".join("".join(_operation(*each)) for each in group)
        for tag, group in sorted(groups.items())
    )
    shapes = "".join(_shape(name, schema) for name, schema in sorted(schemas.items()))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Plateau API</title>'
        '<meta name="viewport" content="width=device-width">'
        f'<link rel="stylesheet" href="{STYLE_PATH}"></head><body>'
        '<nav><b>Plateau API</b><a href="/openapi.json">openapi.json</a><a href="/asyncapi.json">asyncapi.json</a>'
        f'<a href="/v1/errors">problem codes</a>{links}'
        f"<b>shapes</b>{''.join(f'<a href=#shape-{name}>{name}</a>' for name in sorted(schemas))}</nav><main>"
        f"<h1>Plateau API</h1><p>{escape(document['info']['description'])}</p>"
        "<p>Every request but those to system pages bears <code>Authorization: Bearer &lt;token or API key&gt;</code>; "
        "the examples take it from <code>PLATEAU_TOKEN</code> and the address from <code>PLATEAU_URL</code>. Whatever "
        'is not a success is a <a href="#shape-Problem">Problem</a>.</p>'
        f"{operations}<h2>Shapes</h2>{shapes}</main></body></html>"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f'<section id="{operation["operationId"]}"><h3>{method} {escape(path)}</h3>'
    yield f"<p>{_prose(operation['summary'])}</p>"
    for paragraph in operation.get("description", "").split("\n\n"):
        if paragraph:
            yield f"<p class=dim>{_prose(paragraph)}</p>"
    if parameters := operation["parameters"]:
        rows = (
            f"<tr><td><code>{escape(each['name'])}</code><td class=dim>{each['in']}"
            f"{', required' if each.get('required') else ''}<td>{_kind(each['schema'])}"
            f"<td>{escape(each.get('description', ''))}"
            for each in parameters
        )
        yield f"<table>{''.join(rows)}</table>"
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body <code>{media_type}</code>: {_kind(content['schema'])}</p>"
    for status, answer in operation["responses"].items():
        kinds = ", ".join(_kind(content["schema"]) for content in answer.get("content", {}).values())
        yield f"<p>{status}: {escape(answer['description'])} {kinds}</p>"
    yield f"<pre>{escape(_curl(method, path, operation))}</pre></section>"


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    needed = [p for p in operation["parameters"] if p["in"] == "query" and p.get("required")]
    query = "&".join(f"{p['name']}={_sample(p['schema'])}" for p in needed)
    lines = [f'curl "$PLATEAU_URL{path}{f"?{query}" if query else ""}"']
    if method != "GET":
        lines[0] += f" -X {method}"
    if "security" not in operation:
        lines.append('-H "Authorization: Bearer $PLATEAU_TOKEN"')
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        lines.append(f"-H 'Content-Type: {media_type}'")
        example = content.get("example")
        lines.append(f"-d '{json.dumps(example)}'" if example else "-d @body")
        break
    return " \\\n  ".join(lines)


def _sample(schema: dict[str, Any]) -> str:
    return "2026-11-21T09:00:00Z" if schema.get("format") == "date-time" else "…"


def _shape(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = (
        f"<tr><td><code>{escape(field)}</code><td>{_kind(kind)}<td class=dim>{'required' if field in required else ''}"
        for field, kind in schema.get("properties", {}).items()
    )
    return (
        f'<section id="shape-{name}"><h3>{name}</h3><p>{_prose(schema.get("description", ""))}</p>'
        f"<table>{''.join(rows)}</table></section>"
    )


def _prose(text: str) -> str:
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#shape-{name}">{name}</a>'
    for either in ("anyOf", "oneOf"):
        if either in schema:
            return " or ".join(_kind(each) for each in schema[either])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(word))}</code>" for word in schema["enum"])
    kind = schema.get("type", "anything")
    words = " or ".join(kind) if isinstance(kind, list) else kind
    bounds = [f"{text} {schema[key]}" for key, text in (("minimum", "≥"), ("maximum", "≤"), ("maxLength", "length ≤"))
              if key in schema]  # fmt: skip
    return escape(" ".join([words, schema.get("format", ""), *bounds]).strip())
