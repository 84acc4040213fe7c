"""The service under a path of a proxy, as the proxy's header names it."""

from __future__ import annotations

import re
from collections.abc import Callable

from apiflask import APIFlask

from .conftest import PORTRAIT, TEMPLATE, Client, until

ADDRESS = re.compile(r'(?:href|src|data-url|data-preview|data-messages)="(/[^"]*)"')
HEADERS = {"X-Forwarded-Prefix": "/reenact", "X-Forwarded-Host": "example.org", "X-Forwarded-Proto": "https"}


def test_addresses_have_the_prefix_that_a_trusted_proxy_names(make_app: Callable[..., APIFlask]) -> None:
    client = make_app(proxies=1).test_client()
    assert isinstance(client, Client)
    document = client.get("/openapi.json", headers=HEADERS).json
    assert document and document["servers"] == [{"url": "/reenact"}]
    template = client.get(f"/v1/templates/{TEMPLATE}", headers=HEADERS).json
    assert template and template["preview_url"].startswith("/reenact/v1/templates/")
    problem = client.get("/v1/nothing", headers=HEADERS).json
    assert problem and problem["type"].startswith("/reenact/docs#")
    form = {"portrait": PORTRAIT, "template": TEMPLATE, "consent": "true"}
    ordered = client.post("/v1/animations", data=form, content_type="multipart/form-data", headers=HEADERS)
    assert ordered.headers["Location"].startswith("/reenact/v1/animations/")
    until(lambda: client.get("/readyz").status_code, lambda status: status == 200)
    job = client.ended(ordered)
    assert job["result"]["url"].startswith("/v1/")  # asked without the proxy
    job = client.get(f"/v1/animations/{job['id']}", headers=HEADERS).json or {}
    assert job["result"]["url"].startswith("/reenact/v1/results/")


def test_pages_have_no_link_that_leaves_the_prefix(make_app: Callable[..., APIFlask]) -> None:
    client = make_app(proxies=1).test_client()
    for path in ("/", "/verify", "/docs"):
        links = ADDRESS.findall(client.get(path, headers=HEADERS).text)
        assert links and all(link.startswith("/reenact/") for link in links), links


def test_a_prefix_that_no_trusted_proxy_names_is_ignored(client: Client) -> None:
    template = client.get(f"/v1/templates/{TEMPLATE}", headers=HEADERS).json
    assert template and template["preview_url"].startswith("/v1/")
    assert "servers" not in (client.get("/openapi.json", headers=HEADERS).json or {})
