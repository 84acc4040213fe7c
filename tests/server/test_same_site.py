"""Without a key, what other sites have a browser send is refused; what people and programs send is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from apiflask import APIFlask

from server.container import services_of

from .conftest import Client
from .test_bad_input import check

GALLERY, ORDERS = "/v1/templates", "/v1/animations"
ABROAD = "https://app.example"


@pytest.mark.parametrize("address", ["/", GALLERY, ORDERS, "/v1/results/x", "/static/app.js", "/metrics"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "[::2]", "@"]
)
def test_a_name_that_another_site_points_here_is_refused(client: Client, address: str, host: str) -> None:
    check(client.get(address, headers={"Host": host}), 403, "host_unknown")
    check(client.post(ORDERS, headers={"Host": host}), 403, "host_unknown")


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]", "[::1]:9", "127.9.9.9"]
)
def test_every_name_of_this_machine_is_good(client: Client, host: str) -> None:
    assert client.get(GALLERY, headers={"Host": host}).status_code == 200


def test_whoever_watches_over_the_process_may_call_it_anything(client: Client) -> None:
    assert client.get("/healthz", headers={"Host": "pod-17"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},  # another program's page on this machine
        {"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_form_of_another_site_is_refused_and_a_look_is_not(client: Client, headers: dict[str, str]) -> None:
    for address in (ORDERS, GALLERY, "/v1/previews", "/v1/verify"):
        check(client.post(address, data={"consent": "true"}, headers=headers), 403, "cross_site")
    check(client.delete(f"{ORDERS}/none", headers=headers), 403, "cross_site")
    assert client.get(GALLERY, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_the_own_page_and_programs_may_send(client: Client, headers: dict[str, str]) -> None:
    check(client.delete(f"{ORDERS}/none", headers=headers), 404, "not_found")


def test_pages_and_hosts_that_the_operator_names_are_good(make_app: Callable[..., APIFlask]) -> None:
    client = make_app(cors_origins=f"{ABROAD}, http://here.example:8000").test_client()
    sent = {"Origin": ABROAD, "Sec-Fetch-Site": "cross-site"}
    check(client.delete(f"{ORDERS}/none", headers=sent), 404, "not_found")
    check(client.delete(f"{ORDERS}/none", headers={"Origin": f"{ABROAD}.evil"}), 403, "cross_site")
    assert client.get(GALLERY, headers={"Host": "here.example:8000"}).status_code == 200
    everybody = make_app(cors_origins="*").test_client()
    check(everybody.delete(f"{ORDERS}/none", headers=sent), 404, "not_found")


def test_what_a_trusted_proxy_was_asked_for_is_good(
    make_app: Callable[..., APIFlask], client: Client
) -> None:
    asked = {"X-Forwarded-Host": "faces.example", "Origin": "https://faces.example"}
    behind = make_app(proxies=1).test_client()
    check(behind.delete(f"{ORDERS}/none", headers=asked), 404, "not_found")
    check(client.delete(f"{ORDERS}/none", headers=asked), 403, "cross_site")  # nobody is trusted there
    check(client.get(GALLERY, headers={"Host": "x.example", **asked}), 403, "host_unknown")


def test_with_a_key_nothing_changes(make_app: Callable[..., APIFlask]) -> None:
    app = make_app()
    services_of(app).keys.add("someone")
    client = app.test_client()
    sent = {"Host": "faces.example", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    check(client.delete(f"{ORDERS}/none", headers=sent), 401, "unauthorized")
    assert client.get(GALLERY, headers=sent).status_code == 200
