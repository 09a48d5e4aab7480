"""TLS towards clients: versions, certificates by name and key type, tickets, client certificates, OCSP, deadlines."""

from __future__ import annotations

import ssl
import subprocess
import time

import pytest

from harness.certs import Authority, client_context, openssl
from harness.client import PATIENCE, SANITIZED, Closed, RawClient
from harness.origin import Origin
from harness.postern import Postern

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@pytest.fixture(scope="module")
def secure(tmp_path_factory, authority):
    """Two workers; a.test with RSA and ECDSA and a staple, b.test, *.wild.test; a modern listener; client auth."""
    a_rsa, a_ec = authority.issue("a.test", kind="rsa"), authority.issue("a.test")
    b, wild = authority.issue("b.test"), authority.issue("*.wild.test")
    certificates = [a_rsa.table(), a_ec.table(ocsp=str(authority.ocsp_response(a_ec))), b.table(), wild.table()]
    tls = {"certificate": certificates}
    intermediate = Authority(tmp_path_factory.mktemp("sub"), "Test Intermediate", issuer=authority)
    good, revoked = authority.issue("good-client", client=True), authority.issue("revoked-client", client=True)
    crl = authority.revocation_list(revoked)
    auth = {"client_ca": str(authority.cert)}
    origin = Origin("o1")
    postern = Postern(
        tmp_path_factory.mktemp("tls"),
        {
            "workers": 2,
            "listener": [
                {"name": "main", "tls": tls},
                {"name": "modern", "tls": {**tls, "preset": "modern"}},
                {"name": "optional", "tls": {**tls, **auth, "client_auth": "optional"}},
                {"name": "required", "tls": {**tls, **auth, "client_auth": "required"}},
                {"name": "shallow", "tls": {**tls, **auth, "client_auth": "required", "client_depth": 0}},
                {"name": "crl", "tls": {**tls, **auth, "client_auth": "required", "client_crl": str(crl)}},
                {"name": "hasty", "tls_handshake_timeout": "400ms", "tls": tls},
            ],
            "upstream": [{"name": "up", "endpoints": [origin.endpoint]}],
            "route": [{"name": "r", "path": "/*", "forward": "up"}],
        },
    )
    postern.origin, postern.pairs = origin, {"a_rsa": a_rsa, "a_ec": a_ec, "b": b, "wild": wild}
    postern.clients = {
        "good": good,
        "revoked": revoked,
        "deep": intermediate.issue("deep-client", client=True),
        "stranger": Authority(tmp_path_factory.mktemp("other"), "Other").issue("stranger", client=True),
    }
    yield postern
    postern.stop()
    origin.close()
    assert not origin.violations


def serial(client: RawClient) -> int:
    return int(client.sock.getpeercert()["serialNumber"], 16)


def works(postern, listener: str, context, name: str = "a.test") -> bool:
    try:
        with postern.client(listener, tls=context, server_name=name) as client:
            return client.get("/x", host=name).status == 200
    except (ssl.SSLError, Closed, ConnectionError):
        return False


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_versions(secure, authority, version):
    context = client_context(authority, minimum=version, maximum=version)
    with secure.client("main", tls=context, server_name="a.test") as client:
        assert client.sock.version() == {V12: "TLSv1.2", V13: "TLSv1.3"}[version]
        for _ in range(3):
            assert client.post("/x", b"hello").status == 200
    assert secure.origin.last("/x").fields["x-forwarded-proto"] == "https"


def test_old_versions_and_presets(secure, authority):
    old = client_context(authority, maximum=ssl.TLSVersion.TLSv1_1, minimum=ssl.TLSVersion.TLSv1)
    old.set_ciphers("ALL:@SECLEVEL=0")
    assert not works(secure, "main", old)
    assert not works(secure, "modern", client_context(authority, maximum=V12))
    assert works(secure, "modern", client_context(authority))
    no_forward_secrecy = client_context(authority, maximum=V12)
    no_forward_secrecy.set_ciphers("AES128-GCM-SHA256:AES256-SHA")
    assert not works(secure, "main", no_forward_secrecy)


@pytest.mark.parametrize("name, pair", [("b.test", "b"), ("B.TEST", "b"), ("x.wild.test", "wild")])
def test_sni_chooses_the_certificate(secure, authority, name, pair):
    with secure.client("main", tls=client_context(authority), server_name=name) as client:
        assert serial(client) == secure.pairs[pair].serial()


def test_unknown_and_missing_sni_get_the_first_certificate(secure, authority):
    context = client_context(authority)
    context.check_hostname = False
    for name in ("unknown.test", None):
        with secure.client("main", tls=context, server_name=name) as client:
            assert serial(client) in (secure.pairs["a_rsa"].serial(), secure.pairs["a_ec"].serial())


@pytest.mark.parametrize("kind", ["RSA", "ECDSA"])
def test_rsa_and_ecdsa_side_by_side(secure, authority, kind):
    context = client_context(authority, maximum=V12)
    context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
    with secure.client("main", tls=context, server_name="a.test") as client:
        assert serial(client) == secure.pairs["a_rsa" if kind == "RSA" else "a_ec"].serial()


def test_alpn(secure, authority):
    with secure.client("main", tls=client_context(authority, alpn=["h2", "http/1.1"]), server_name="a.test") as client:
        assert client.sock.selected_alpn_protocol() == "h2"
    with secure.client("main", tls=client_context(authority, alpn=["http/1.1"]), server_name="a.test") as client:
        assert client.sock.selected_alpn_protocol() == "http/1.1"
        assert client.get("/x").status == 200
    assert not works(
        secure, "main", client_context(authority, alpn=["spdy/1"])
    ), "RFC 7301 3.2: no_application_protocol"


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_tickets_resume_on_every_worker(secure, authority, version):
    context = client_context(authority, minimum=version, maximum=version)
    with secure.client("main", tls=context, server_name="a.test") as client:
        assert client.get("/x").status == 200
        session = client.sock.session
    reused = []
    for _ in range(24):
        with secure.client("main", tls=context, server_name="a.test", session=session) as client:
            assert client.get("/x").status == 200
            reused.append(client.sock.session_reused)
    assert all(reused), f"{reused.count(True)} of {len(reused)} resumed"


def test_session_is_not_carried_to_another_listener(secure, authority):
    """A session made without a client certificate does not open a listener that demands one."""
    context = client_context(authority, minimum=V13)
    with secure.client("main", tls=context, server_name="a.test") as client:
        client.get("/x")
        session = client.sock.session
    with pytest.raises((ssl.SSLError, Closed, ConnectionError)):
        with secure.client("required", tls=context, server_name="a.test", session=session) as client:
            assert not client.get("/x").status


@pytest.mark.parametrize(
    "listener, who, accepted",
    [
        ("optional", None, True),
        ("optional", "good", True),
        ("optional", "stranger", False),
        ("required", None, False),
        ("required", "good", True),
        ("required", "stranger", False),
        ("required", "deep", True),
        ("shallow", "deep", False),
        ("shallow", "good", True),
        ("crl", "good", True),
        ("crl", "revoked", False),
        ("required", "revoked", True),
    ],
)
@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_client_certificates(secure, authority, listener, who, accepted, version):
    context = client_context(authority, pair=secure.clients.get(who), maximum=version)
    assert works(secure, listener, context) == accepted


def test_ocsp_staple(secure, authority):
    host, port = secure.address("main")
    done = openssl(
        "s_client",
        "-connect",
        f"{host}:{port}",
        "-servername",
        "a.test",
        "-status",
        "-tls1_2",
        "-cipher",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "-CAfile",
        authority.cert,
        input=b"",
        check=False,
    )
    assert b"OCSP Response Status: successful" in done.stdout and b"Cert Status: good" in done.stdout
    done = openssl("s_client", "-connect", f"{host}:{port}", "-servername", "b.test", "-status", input=b"", check=False)
    assert b"OCSP response: no response sent" in done.stdout


def test_d11_renegotiation_is_refused(secure):
    host, port = secure.address("main")
    process = subprocess.Popen(
        ["openssl", "s_client", "-connect", f"{host}:{port}", "-tls1_2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    time.sleep(0.3 * PATIENCE)
    process.stdin.write(b"R\n")
    process.stdin.flush()
    time.sleep(0.3 * PATIENCE)
    output = process.communicate(timeout=10)[0]
    assert b"RENEGOTIATING" in output
    assert b"no renegotiation" in output or b"closed" in output or b"alert" in output, output[-2000:]


def test_d11_client_hello_byte_by_byte(secure, authority):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = client_context(authority).wrap_bio(incoming, outgoing, server_hostname="a.test")
    with secure.client("main") as client:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                data = outgoing.read()
                for at in range(len(data)):
                    client.send(data[at : at + 1])
                incoming.write(client.read_some(1))
        client.send(outgoing.read())
        tls.write(b"GET /bytewise HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        client.send(outgoing.read())
        while True:
            try:
                assert tls.read(4096).startswith(b"HTTP/1.1 200")
                break
            except ssl.SSLWantReadError:
                data = client.read_some(1)
                assert data, "closed without an answer"
                incoming.write(data)


def test_plaintext_to_a_tls_port(secure):
    with secure.client("main") as client:
        client.send("GET /plaintext HTTP/1.1\r\nHost: a.test\r\n\r\n")
        data = client.read_some(4096)
        assert client.ended and (not data or data[0] == 0x15 or data.startswith(b"HTTP/1.1 400")), data[:100]
    assert not secure.origin.to("/plaintext")


@pytest.mark.parametrize("start", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["silent", "started"])
def test_d10_handshake_deadline(secure, start):
    with secure.client("hasty") as client:
        begun = time.monotonic()
        client.send(start)
        client.read_some(4096)
        assert client.ended and 0.2 < time.monotonic() - begun < 2 * PATIENCE


@pytest.mark.parametrize(
    "sni, host, status",
    [
        ("a.test", "a.test", 200),
        ("a.test", "b.test", 421),
        ("b.test", "a.test", 421),
        ("x.wild.test", "y.wild.test", 200),
    ],
)
def test_t9_host_of_another_certificate_is_421(secure, authority, sni, host, status):
    with secure.client("main", tls=client_context(authority), server_name=sni) as client:
        assert client.get("/t9", host=host).status == status


@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_close_is_announced(secure, authority, version):
    """Every orderly end carries close_notify: without it a client cannot tell an end from a cut."""
    context = client_context(authority, maximum=version)
    with secure.client("main", tls=context, server_name="a.test") as client:
        client.send("GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert client.read().status == 200
        assert client.how_it_ends() == "fin"


def test_cut_upload_is_not_completed(secure, authority):
    """TCP ends inside a body without close_notify."""
    with secure.client("main", tls=client_context(authority), server_name="a.test") as client:
        client.send("POST /cut HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello")
        seen = secure.origin.last("/cut")
    conn = secure.origin.connection_of(seen)
    assert secure.origin.wait_for(lambda: conn.ended) and not seen.complete


@pytest.mark.heavy
@pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
def test_large_bodies(secure, authority, version):
    block, count = bytes(range(256)) * 256, 160
    secure.origin.on("/mirror", lambda conn, request: conn.answer(body=request.body))
    with secure.client(
        "main", tls=client_context(authority, maximum=version), server_name="a.test", timeout=30
    ) as client:
        client.send(f"POST /mirror HTTP/1.1\r\nHost: a.test\r\nContent-Length: {len(block) * count}\r\n\r\n")
        for _ in range(count):
            client.send(block)
        assert client.read().body == block * count
    assert SANITIZED or secure.rss_kib() < 200_000
