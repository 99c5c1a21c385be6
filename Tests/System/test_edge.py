"""T9, T24: what a connection may do before anyone has said who they are."""

import os
import pathlib
import socket
import time

import pytest
import requests

slow = pytest.mark.skipif(
    not os.environ.get("SLOW_CLIENTS"), reason="takes the minute and a half of its time limits; SLOW_CLIENTS=1")
ESTABLISHED = 1


def raw(server, text, wait=3):
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        connection.sendall(text.replace("\n", "\r\n").encode())
        return connection.recv(4096).decode(errors="replace").split("\r\n")[0]


def test_t24_exactly_one_host_and_it_is_ours(server):
    own = f"localhost:{server.port}"
    assert " 200 " in raw(server, f"GET /sign-in HTTP/1.1\nHost: {own}\n\n")
    assert " 400 " in raw(server, "GET /sign-in HTTP/1.1\n\n")
    assert " 400 " in raw(server, f"GET /sign-in HTTP/1.1\nHost: {own}\nHost: {own}\n\n")
    assert " 400 " in raw(server, f"GET /sign-in HTTP/1.1\nHost: {own}\nhOST: evil.example\n\n")
    assert " 421 " in raw(server, "GET /sign-in HTTP/1.1\nHost: evil.example\n\n")
    assert " 421 " in raw(server, "GET /quiz HTTP/1.1\nHost: evil.example\n\n")


def test_rows_18_to_21_no_header_of_a_request_reaches_a_link(server):
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    for path in ["/sign-in", "/recover", "/help/recovery-code", "/nowhere"]:
        answer = requests.get(server.url + path, headers=headers)
        assert "evil.example" not in answer.text + str(answer.headers)


@pytest.mark.parametrize("path, kind, limit", [
    ("/sign-in", "application/x-www-form-urlencoded", 16_384), ("/api/v1/sign-in", "application/json", 16_384),
    ("/oauth2/token", "application/x-www-form-urlencoded", 8_192),
    ("/oauth2/authorize", "application/x-www-form-urlencoded", 8_192)])
def test_t9_each_route_reads_as_much_as_it_needs(server, path, kind, limit):
    fields = ('{"username":"%s"}', "username=%s")["urlencoded" in kind]
    statuses = [
        requests.post(
            server.url + path, data=fields % ("x" * (length - len(fields) + 2)), headers={"Content-Type": kind},
            allow_redirects=False).status_code
        for length in (limit, limit + 1)]
    assert statuses[0] not in (404, 413) and statuses[0] < 500 and statuses[1] == 413


@pytest.mark.parametrize("path", ["/sign-in", "/healthz", "/api/v1/session", "/oauth2/userinfo"])
def test_t9_what_only_shows_something_reads_no_body(server, path):
    without = requests.get(server.url + path)
    session = requests.Session()
    # What was not read is no request either.
    for body in (b"x" * 100_000, b"GET /nowhere HTTP/1.1\r\n\r\n", None):
        assert session.get(server.url + path, data=body, timeout=5).status_code == without.status_code


def test_t9_slow_bodies_are_closed_and_nobody_else_notices(server):
    slow = []
    head = f"POST /sign-in HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Length: 1000\r\n\r\n"
    for _ in range(100):
        connection = socket.create_connection(("127.0.0.1", server.port), timeout=1)
        connection.sendall(head.encode())
        slow.append(connection)
    started = time.monotonic()
    worst = 0
    while time.monotonic() - started < 13:
        for connection in slow:
            try:
                connection.sendall(b"x")
            except OSError:
                pass
        asked = time.monotonic()
        assert requests.get(server.url + "/healthz", timeout=5).ok
        worst = max(worst, time.monotonic() - asked)
        time.sleep(0.5)
    closed = 0
    for connection in slow:
        try:
            connection.settimeout(1)
            closed += connection.recv(1) == b""
        except ConnectionError:
            closed += 1
        except TimeoutError:
            pass
        connection.close()
    assert closed == len(slow)
    assert worst < 1


def test_t9_one_address_cannot_take_all_connections(server):
    held = [socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(300)]
    time.sleep(0.5)
    refused = 0
    for connection in held:
        connection.setblocking(False)
        try:
            refused += connection.recv(1) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            refused += 1
    for connection in held:
        connection.close()
    assert 40 <= refused <= 60
    time.sleep(0.2)
    assert requests.get(server.url + "/healthz", timeout=5).ok


def state_there(server, connection):
    """What the server's end of the connection is in, by the kernel's table; None when it is gone."""
    own, port = connection.getsockname()[1], server.port
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            local, remote, state = line.split()[1:4]
            if (int(local.split(":")[1], 16), int(remote.split(":")[1], 16)) == (port, own):
                return int(state, 16)
    return None


def seconds_open(server, connections, limit, meanwhile=lambda: None):
    """How long the server keeps each of them open, while others are served."""
    began, ended = time.monotonic(), {}
    while time.monotonic() - began < limit and len(ended) < len(connections):
        meanwhile()
        for connection in connections:
            if connection not in ended and state_there(server, connection) != ESTABLISHED:
                ended[connection] = time.monotonic() - began
        asked = time.monotonic()
        assert requests.get(server.url + "/healthz", timeout=5).ok
        assert time.monotonic() - asked < 1
        time.sleep(0.5)
    return [ended.get(connection) for connection in connections]


@slow
def test_t9_a_head_that_does_not_end_is_waited_for_thirty_seconds(server):
    silent, used, dripping = (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) for _ in range(3))
    request = f"GET /healthz HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    used.sendall(f"{request}\r\n".encode())
    assert b" 200 " in used.recv(4096)
    dripping.sendall(f"{request}X-Slow: ".encode())

    def drip():
        try:
            dripping.sendall(b"x")
        except OSError:
            pass

    # One that says nothing, one that had its answer, and one whose single bytes move no deadline.
    assert all(29 < kept < 33 for kept in seconds_open(server, [silent, used, dripping], 45, drip))
    for connection in (silent, used, dripping):
        connection.close()


@slow
def test_t9_an_answer_that_is_not_taken_is_waited_with_for_sixty_seconds(server):
    """The large answer does not fit into buffers that are this small. Nothing is read until the server gave up; then
    there is less than the whole."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", server.port))
    whole = requests.get(server.url + "/openapi.json", timeout=10)
    assert whole.ok and len(whole.content) > 300_000
    connection.sendall(f"GET /openapi.json HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
    (kept,) = seconds_open(server, [connection], 80)
    assert kept is not None and 58 < kept < 64
    taken = 0
    try:
        while some := connection.recv(65_536):
            taken += len(some)
    except ConnectionError:
        pass
    assert 0 < taken < len(whole.content)
    connection.close()
