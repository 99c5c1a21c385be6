"""T9, T24: what a connection may do before anyone has said who they are."""

import socket
import time

import requests


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
