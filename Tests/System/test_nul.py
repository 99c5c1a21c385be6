"""Q5: a NUL, which is in no text that people type and which PostgreSQL keeps in none, is refused at the edge: in an
address, a form, a JSON body and HTTP Basic, on both engines alike, whoever sends it. Never a 5xx."""

import base64
import json
import pathlib
import re

import postgres
import pytest
import requests
from conftest import PATIENCE, Server
from openid import REDIRECT, Client, Screenless
from people import Person

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "Sources/SparekeyWeb"
ROUTE = re.compile(r'router\.(get|post|put|delete)\("([^"]+)", use: (\w+)')
ROUTES = [
    (method.upper(), path, kind)
    for name in ("Routes.swift", "API/APIRoutes.swift")
    for method, path, kind in ROUTE.findall((SOURCES / name).read_text())
]
# Every name that a body of the API or a form may have.
MEMBERS = sorted({
    name for name in re.findall(r"let (\w+): \[?(?:String|Field)", "\n".join(
        path.read_text() for path in (SOURCES / "API").rglob("*.swift")))
} | {"username", "password", "journey", "code", "email", "ticket", "option", "new-password", "name", "phone"})


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def node(request, tmp_path_factory):
    data = tmp_path_factory.mktemp("nul")
    if request.param == "sqlite":
        server = Server(data)
        yield server
        server.stop()
        return
    with postgres.room() as folder:
        database = postgres.Postgres(folder).make().start()
        try:
            database.ask("CREATE DATABASE nul")
            server = Server(data, {"database": database.url("nul")})
            yield server
            server.stop()
        finally:
            database.stop()


@pytest.fixture(scope="module")
def visitors(node):
    """A stranger and an owner: a browser each, and what the API asks for."""
    owner = Person(node).sign_in()
    return [(Screenless(node), {}), (Screenless(node, owner), {"Authorization": f"Bearer {owner}"})]


def ask(node, method, path, **more):
    return requests.request(method, node.url + path, allow_redirects=False, timeout=PATIENCE, **more)


def assert_refused(answer, what, statuses=(400,)):
    assert answer.status_code in statuses, f"{what}: {answer.status_code} {answer.text[:300]}"


def test_q5_the_routes_are_found():
    assert len(ROUTES) > 180
    assert {"GET", "POST", "PUT", "DELETE"} == {method for method, _, _ in ROUTES}


@pytest.mark.parametrize("spelling", ["%00", "%2500%00a"])
def test_q5_a_nul_in_a_path_or_a_query_is_refused(node, visitors, spelling):
    for method, path, _ in ROUTES:
        for browser, headers in visitors:
            addresses = [path.replace("{id}", "x") + f"?client_id={spelling}&nonce=x"]
            if "{" in path:
                addresses.append(re.sub(r"\{\w+\}", spelling, path))
            for address in addresses:
                answer = browser.session.request(
                    method, node.url + address, headers=headers, allow_redirects=False, timeout=PATIENCE)
                assert_refused(answer, f"{method} {address}")
                if path.startswith("/api/"):
                    assert answer.json()["type"] == "urn:sparekey:problem:bad-request"
    # What only looks like one is no NUL.
    assert ask(node, "GET", "/sign-in?notice=%2500").status_code == 200


def test_q5_a_nul_in_a_form_is_refused(node, visitors):
    for method, path, kind in ROUTES:
        if method != "POST" or kind not in ("page", "asQuery"):
            continue
        path = re.sub(r"\{\w+\}", "x", path)
        for browser, _ in visitors:
            csrf = re.search(r'name="csrf" value="([^"]*)"', browser.get("/sign-in").text).group(1)
            for name in ("username", "journey", "code", "password"):
                body = f"csrf={csrf}&{name}=a%00b"
                answer = browser.session.post(
                    node.url + path, data=body, headers={"Content-Type": "application/x-www-form-urlencoded"},
                    allow_redirects=False, timeout=PATIENCE)
                # A request of an app comes as a form and goes on as an address, which is refused then.
                assert_refused(answer, f"{path} {name}", (303,) if kind == "asQuery" else (400,))
            raw = browser.session.post(
                node.url + path, data=b"username=a\0b", headers={"Content-Type": "application/x-www-form-urlencoded"},
                allow_redirects=False, timeout=PATIENCE)
            assert_refused(raw, f"{path} raw")


def test_q5_a_nul_in_json_is_refused(node, visitors):
    for method, path, kind in ROUTES:
        if kind not in ("api", "admin") or method in ("GET", "DELETE"):
            continue
        path = re.sub(r"\{\w+\}", "1", path)
        for _, headers in visitors:
            for body in (
                json.dumps({name: "a\0b" for name in MEMBERS}), json.dumps(dict.fromkeys(MEMBERS, "x") | {"\0": "x"}),
                json.dumps(dict.fromkeys(MEMBERS, ["\0"])), '{"username": "\\\\\\u0000"}',
            ):
                answer = ask(
                    node, method, path, data=body.encode(), headers=headers | {"Content-Type": "application/json"})
                # Who may ask, and how fresh the session is, may be looked at before the body.
                assert answer.status_code < 500, f"{method} {path}: {answer.text}"
                if answer.status_code == 400:
                    problem = answer.json()
                    assert problem["type"] == "urn:sparekey:problem:unreadable" and "NUL" in problem["detail"], answer.text
    for path, member in (("sign-in", "username"), ("recovery", "username"), ("accounts", "username")):
        answer = ask(node, "POST", f"/api/v1/{path}", json={member: "a\0b", "password": "long enough for everyone"})
        assert_refused(answer, path)
        assert "NUL" in answer.json()["detail"]
    # An escaped backslash before the letters is no NUL.
    answer = ask(node, "POST", "/api/v1/sign-in", data=b'{"username": "maria\\\\u0000"}')
    assert answer.status_code in (200, 422), answer.text


def test_q5_a_nul_of_an_app_is_refused(node):
    app = Client(node)
    for fields in ("client_id=%00", "client_id=%00&grant_type=authorization_code&code=x", "token=%00", "code=%00",
                   f"client_id={app.id}&grant_type=refresh_token&refresh_token=%00"):
        for path in ("token", "revoke", "introspect"):
            answer = ask(node, "POST", f"/oauth2/{path}", data=fields,
                         headers={"Content-Type": "application/x-www-form-urlencoded"})
            assert_refused(answer, f"{path} {fields}")
            assert answer.json()["error"] == "invalid_request"
    for pair in ("\0:secret", f"{app.id}:\0", "a%00b:secret", f"{app.id}:%00"):
        basic = base64.b64encode(pair.encode()).decode()
        for path in ("token", "revoke", "introspect"):
            answer = ask(node, "POST", f"/oauth2/{path}", data={"grant_type": "authorization_code", "code": "x"},
                         headers={"Authorization": f"Basic {basic}"})
            assert_refused(answer, f"{path} {pair!r}", (401,))
    for name in ("client_id", "redirect_uri", "state", "nonce", "scope", "code_challenge", "prompt", "login_hint"):
        query = {"client_id": app.id, "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid",
                 "code_challenge": "x" * 43, "code_challenge_method": "S256"} | {name: "a\0b"}
        assert_refused(ask(node, "GET", "/oauth2/authorize", params=query), name)


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "User-Agent", "X-Forwarded-For", "Idempotency-Key"])
def test_q5_an_escaped_nul_in_a_header_is_no_fault(node, header):
    for value in ("%00", "Bearer %00", "Basic AA==", "sparekey-session=%00; sparekey-browser=%00000000000000000000"):
        for method, path in (("GET", "/account/security"), ("GET", "/api/v1/session"), ("POST", "/api/v1/accounts"),
                             ("POST", "/oauth2/token"), ("GET", "/oauth2/userinfo"), ("GET", "/api/v1/admin/token")):
            answer = ask(node, method, path, headers={header: value})
            assert answer.status_code < 500, f"{method} {path} with {header}: {value}"
