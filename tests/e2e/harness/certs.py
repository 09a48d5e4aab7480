"""Certificates made with the openssl command: an authority, pairs, a revocation list, OCSP answers."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

REQUEST_CONFIG = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
[ext]
basicConstraints = critical, CA:{ca}
{extra}
"""


def openssl(
    *arguments: str, cwd: Path | None = None, input: bytes | None = None, check: bool = True, timeout: float = 30
) -> subprocess.CompletedProcess:
    done = subprocess.run(["openssl", *map(str, arguments)], cwd=cwd, input=input, capture_output=True, timeout=timeout)
    assert not check or done.returncode == 0, f"openssl {' '.join(map(str, arguments))}:\n{done.stderr.decode()}"
    return done


@dataclass(frozen=True)
class Pair:
    cert: Path
    key: Path

    def table(self, **more) -> dict:
        """As a [[listener.tls.certificate]] table."""
        return {"cert": str(self.cert), "key": str(self.key), **more}

    def serial(self) -> int:
        text = openssl("x509", "-in", self.cert, "-noout", "-serial").stdout.decode()
        return int(text.strip().split("=")[1], 16)


class Authority:
    """A root with its folder; every pair gets a name of its own in there."""

    def __init__(self, folder: Path, name: str = "Test Root", issuer: "Authority | None" = None):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.count = 0
        self.issuer = issuer
        self.pair = self._root(name) if issuer is None else issuer.issue(name, ca=True, folder=folder)
        self.cert = self.pair.cert
        (folder / "index.txt").write_text("")
        (folder / "index.txt.attr").write_text("unique_subject = no\n")
        (folder / "crlnumber").write_text("1000\n")

    @staticmethod
    def key(path: Path, kind: str) -> Path:
        options = {
            "ecdsa": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
            "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        }[kind]
        openssl("genpkey", *options, "-out", path)
        return path

    def _root(self, name: str) -> Pair:
        key = self.key(self.folder / "root.key", "ecdsa")
        config = self.folder / "root.cnf"
        config.write_text(
            REQUEST_CONFIG.format(name=name, ca="TRUE", extra="keyUsage = critical, keyCertSign, cRLSign")
        )
        cert = self.folder / "root.pem"
        openssl(
            "req", "-x509", "-new", "-key", key, "-config", config, "-extensions", "ext", "-days", "30", "-out", cert
        )
        return Pair(cert, key)

    def issue(
        self,
        name: str,
        hosts: list[str] | None = None,
        kind: str = "ecdsa",
        ca: bool = False,
        client: bool = False,
        days: int = 20,
        folder: Path | None = None,
    ) -> Pair:
        """A leaf (or an intermediate); the file holds the leaf and the intermediates above it."""
        self.count += 1
        base = (folder or self.folder) / f"{self.count}-{name.replace('*', 'any').replace(' ', '-')}"
        key = self.key(Path(f"{base}.key"), kind)
        if ca:
            extra = "keyUsage = critical, keyCertSign, cRLSign"
        else:
            names = [f"IP:{one}" if one.replace(".", "").isdigit() else f"DNS:{one}" for one in hosts or [name]]
            usage = "clientAuth" if client else "serverAuth"
            extra = f"extendedKeyUsage = {usage}\nsubjectAltName = {', '.join(names)}"
        config = Path(f"{base}.cnf")
        config.write_text(REQUEST_CONFIG.format(name=name, ca="TRUE" if ca else "FALSE", extra=extra))
        request, cert = Path(f"{base}.csr"), Path(f"{base}.pem")
        openssl("req", "-new", "-key", key, "-config", config, "-out", request)
        openssl(
            "x509",
            "-req",
            "-in",
            request,
            "-CA",
            self.pair.cert,
            "-CAkey",
            self.pair.key,
            "-CAcreateserial",
            "-days",
            days,
            "-extfile",
            config,
            "-extensions",
            "ext",
            "-out",
            cert,
        )
        if self.issuer is not None:
            cert.write_bytes(cert.read_bytes() + self.pair.cert.read_bytes())
        return Pair(cert, key)

    def _database_config(self) -> Path:
        config = self.folder / "ca.cnf"
        config.write_text(
            f"[ca]\ndefault_ca = main\n[main]\ndatabase = {self.folder}/index.txt\n"
            f"crlnumber = {self.folder}/crlnumber\ndefault_md = sha256\ndefault_crl_days = 10\n"
        )
        return config

    def revocation_list(self, *revoked: Pair) -> Path:
        config, crl = self._database_config(), self.folder / "crl.pem"
        for pair in revoked:
            openssl("ca", "-config", config, "-revoke", pair.cert, "-keyfile", self.pair.key, "-cert", self.pair.cert)
        openssl("ca", "-config", config, "-gencrl", "-keyfile", self.pair.key, "-cert", self.pair.cert, "-out", crl)
        return crl

    def ocsp_response(self, pair: Pair) -> Path:
        """A DER response that says the certificate is good."""
        index = self.folder / f"ocsp-index-{pair.cert.stem}.txt"
        index.write_text(f"V\t351231235959Z\t\t{pair.serial():X}\tunknown\t/CN=x\n")
        request, response = pair.cert.with_suffix(".ocspreq"), pair.cert.with_suffix(".ocsp")
        openssl("ocsp", "-issuer", self.cert, "-cert", pair.cert, "-no_nonce", "-reqout", request)
        openssl(
            "ocsp",
            "-index",
            index,
            "-rsigner",
            self.cert,
            "-rkey",
            self.pair.key,
            "-CA",
            self.cert,
            "-reqin",
            request,
            "-respout",
            response,
            "-ndays",
            "5",
        )
        return response


def client_context(
    authority: Authority | Path | None = None,
    pair: Pair | None = None,
    alpn: list[str] | None = None,
    minimum: ssl.TLSVersion | None = None,
    maximum: ssl.TLSVersion | None = None,
) -> ssl.SSLContext:
    """A context that verifies against the authority; without one it verifies nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        context.load_verify_locations(str(getattr(authority, "cert", authority)))
    if pair is not None:
        context.load_cert_chain(str(pair.cert), str(pair.key))
    if alpn:
        context.set_alpn_protocols(alpn)
    if minimum:
        context.minimum_version = minimum
    if maximum:
        context.maximum_version = maximum
    return context


def server_context(pair: Pair, client_ca: Path | None = None) -> ssl.SSLContext:
    """For an origin that speaks TLS; with `client_ca` it demands a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(pair.cert), str(pair.key))
    if client_ca is not None:
        context.load_verify_locations(str(client_ca))
        context.verify_mode = ssl.CERT_REQUIRED
    return context
