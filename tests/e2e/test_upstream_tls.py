"""Upstreams over TLS: verified by default, with a name and a certificate of our own."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from harness.certs import Authority, server_context
from harness.flight import check_problem
from harness.settings import simple


def tls_upstream(origin, **tls) -> dict:
    endpoint = origin.endpoint.replace("127.0.0.1", "localhost")
    return simple(endpoint, upstream={"tls": tls})


@pytest.fixture(scope="module")
def origin_pair(authority):
    return authority.issue("localhost", ["localhost", "127.0.0.1"])


def test_tls_upstream_is_verified(postern_with, make_origin, authority, origin_pair):
    origin = make_origin(tls=server_context(origin_pair))
    postern = postern_with(tls_upstream(origin, ca=str(authority.cert)))
    with postern.client() as client:
        for _ in range(3):
            assert client.post("/x", b"x" * 100_000).status == 200
    assert len(origin.connections) == 1 and origin.last("/x").received == 100_000


@pytest.mark.parametrize("wrong", ["ca", "name"])
def test_tls_upstream_that_cannot_be_verified_is_502(
    postern_with, make_origin, authority, tmp_path, wrong, origin_pair
):
    pair = origin_pair if wrong == "ca" else authority.issue("elsewhere.test")
    trusted = Authority(tmp_path / "other-ca", "Other").cert if wrong == "ca" else authority.cert
    origin = make_origin(tls=server_context(pair))
    postern = postern_with(tls_upstream(origin, ca=str(trusted)))
    with postern.client() as client:
        answer = client.get("/x")
        assert answer.status == 502
        check_problem(answer)
    assert not origin.requests


def test_tls_upstream_sni_and_no_verify(postern_with, make_origin, authority):
    context = server_context(authority.issue("named.test"))
    names = []
    context.sni_callback = lambda sock, name, ctx: names.append(name)
    origin = make_origin(tls=context)
    named = postern_with(tls_upstream(origin, ca=str(authority.cert), sni="named.test"))
    careless = postern_with(tls_upstream(origin, verify=False))
    for postern in (named, careless):
        with postern.client() as client:
            assert client.get("/x").status == 200
    assert names == ["named.test", "localhost"]


def test_tls_upstream_client_certificate(postern_with, make_origin, authority, origin_pair):
    origin = make_origin(tls=server_context(origin_pair, client_ca=authority.cert))
    pair = authority.issue("postern", client=True)
    with_cert = postern_with(tls_upstream(origin, ca=str(authority.cert), cert=str(pair.cert), key=str(pair.key)))
    without = postern_with(tls_upstream(origin, ca=str(authority.cert)))
    with with_cert.client() as client:
        assert client.get("/x").status == 200
    assert (
        dict(field for part in origin.connections[0].tls_peer["subject"] for field in part)["commonName"] == "postern"
    )
    with without.client() as client:
        assert client.get("/y").status == 502


def test_d11b_plaintext_before_the_handshake_reaches_nobody(postern_with, make_origin, authority):
    """An upstream that speaks HTTP where TLS is due is a failed handshake, and its bytes go nowhere."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def speak():
            while True:
                try:
                    sock, _ = listening.accept()
                except OSError:
                    return
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nSECRET")
                time.sleep(0.2)
                sock.close()

        threading.Thread(target=speak, daemon=True).start()
        postern = postern_with(simple(f"127.0.0.1:{listening.getsockname()[1]}", upstream={"tls": {"verify": False}}))
        with postern.client() as client:
            answer = client.get("/x")
            assert answer.status == 502 and b"SECRET" not in answer.body
