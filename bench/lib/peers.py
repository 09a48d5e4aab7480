"""The proxies that are compared: how each is configured and started. All of them run one worker on one CPU, log
nothing per request, keep 64 or more connections to the origin, serve the same certificate, and add no headers."""

import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import bearer
from cases import WIRES
from machine import LIGHTTPD_TLS, ended, find, free_port, say, wait_for_port
from measure import family
from wires import addition, serves


@dataclass
class Setup:
    """What a proxy needs to know: where the origin is, the certificate, and a directory for its own files."""

    origin_port: int
    origin_socket: Path
    cert: Path
    key: Path
    folder: Path
    max_connections: int
    h2_origin_port: int = 0
    sse_origin_port: int = 0
    token: str = ""  # of the cases with tokens, and the public key that it is verified with
    token_key: Path = Path()
    audit_key: Path = Path()  # of the cases with an audit trail: signs its checkpoints
    memory: Path = Path()  # a folder of no disk


@dataclass
class Proxy:
    name: str
    child: subprocess.Popen
    ports: dict  # "plain", "tls", "unix" -> port; one that is absent cannot be measured
    pids: list = field(default_factory=list)

    def alive(self):
        return not ended(self.child)


NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log error;
events {{ worker_connections {max_connections}; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  client_max_body_size 0;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  proxy_set_header Host $http_host;
  upstream tcp {{
    server 127.0.0.1:{origin_port};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  upstream local {{
    server unix:{origin_socket};
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  server {{
    listen 127.0.0.1:{plain} backlog=4096;
    listen 127.0.0.1:{tls} ssl backlog=4096;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_session_tickets on;
    location / {{ proxy_pass http://tcp; }}
    # 1 MiB up: unbuffered, or each body would go through a file. 1 MiB down: larger buffers, and no file.
    location = /upload {{ proxy_pass http://tcp; proxy_request_buffering off; client_body_buffer_size 256k; }}
    location /bytes/ {{ proxy_pass http://tcp; proxy_buffer_size 16k; proxy_buffers 8 64k; proxy_busy_buffers_size 128k;
                        proxy_max_temp_file_size 0; }}
  }}
  server {{
    listen 127.0.0.1:{unix} backlog=4096;
    location / {{ proxy_pass http://local; }}
  }}
{wire}}}
"""

HAPROXY = """global
  nbthread 1
  {bulk_tuning}
  maxconn {max_connections}
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  timeout client 300s
  timeout server 300s
  timeout connect 5s
  timeout http-keep-alive 300s
  option http-keep-alive
  http-reuse always
  option splice-auto
  default_backend tcp
frontend plain
  bind 127.0.0.1:{plain}
frontend tls
  bind 127.0.0.1:{tls} ssl crt {folder}/both.pem
frontend local
  bind 127.0.0.1:{unix}
  default_backend local
backend tcp
  server origin 127.0.0.1:{origin_port} pool-purge-delay 300s
backend local
  server origin unix@{origin_socket} pool-purge-delay 300s
{wire}"""

LIGHTTPD = """server.modules = ( "mod_proxy", {tls_module} )
server.document-root = "{folder}"
server.upload-dirs = ( "{folder}" )
server.errorlog = "{folder}/error.log"
server.bind = "127.0.0.1"
server.port = {plain}
server.event-handler = "linux-sysepoll"
server.max-connections = {max_connections}
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 300
server.max-read-idle = 300
server.stream-response-body = 2
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => {origin_port} )) )
$SERVER["socket"] == "127.0.0.1:{unix}" {{ proxy.server = ( "" => (( "host" => "{origin_socket}" )) ) }}
{tls_server}
{wire}"""

LIGHTTPD_TLS_SERVER = """$SERVER["socket"] == "127.0.0.1:{tls}" {{
  ssl.engine = "enable"
  ssl.pemfile = "{cert}"
  ssl.privkey = "{key}"
}}
"""

POSTERN = """workers = 1
engine = "{engine}"

[log]
level = "warn"

[access_log]
path = "{access_log}"

[admin]
listen = "127.0.0.1:{admin}"

[shutdown]
drain_timeout = "1s"

[[listener]]
name = "plain"
address = "127.0.0.1:{plain}"
keepalive_timeout = "300s"

[[listener]]
name = "tls"
address = "127.0.0.1:{tls}"
keepalive_timeout = "300s"
[[listener.tls.certificate]]
cert = "{cert}"
key = "{key}"

[[listener]]
name = "local"
address = "127.0.0.1:{unix}"
keepalive_timeout = "300s"

[[upstream]]
name = "tcp"
endpoints = ["127.0.0.1:{origin_port}"]
keepalive_timeout = "300s"
max_idle = 64

[[upstream]]
name = "local"
endpoints = ["unix:{origin_socket}"]
keepalive_timeout = "300s"
max_idle = 64

[[route]]
name = "tcp"
path = "/*"
listeners = ["plain", "tls"]
forward = "tcp"
{open}
[[route]]
name = "local"
path = "/*"
listeners = ["local"]
forward = "local"
{open}
{wire}"""


# Where somebody is asked who they are, a route has to say that it does not.
OPEN = """[route.access]
auth = "none"
"""

# HAProxy has one buffer size for everything. The default is the best for small messages, this for 1 MiB, so that the
# bulk cases get an instance of their own. (The others read large bodies into larger buffers by themselves.)
BULK_TUNING = {"haproxy": "tune.bufsize 65536"}


class Starter:
    """Starts proxies by name: floor, nginx, haproxy, lighttpd, postern, postern-io_uring."""

    def __init__(self, children, cpus, setup, floor, postern):
        self._children, self._cpus, self._setup = children, cpus, setup
        self._floor, self._postern = floor, postern
        self._count = 0

    def start(self, name, bulk=False, wire=""):
        """A fresh instance on free ports, or None when it does not come up (said) or cannot serve the wire."""
        if wire and not serves(name, wire):
            return None
        self._count += 1
        folder = self._setup.folder / f"{name}-{self._count}"
        folder.mkdir()
        ports = {kind: free_port() for kind in ("plain", "tls", "unix", "admin", *WIRES)}
        words = {**vars(self._setup), **ports, "folder": folder}
        words["access_log"] = folder / "access.log" if wire == "log" else ""
        words |= {"issuer": bearer.ISSUER, "audience": bearer.AUDIENCE}
        if wire == "group":
            words["memory"] = self._setup.memory / folder.name
            words["memory"].mkdir()
        words["open"] = OPEN if wire == "auth" else ""
        words["wire"] = addition(name, wire, words)
        words["bulk_tuning"] = BULK_TUNING.get(name, "") if bulk else ""
        command, served = self._prepare(name, words)
        served = (*served, wire) if wire else served
        log = folder / "output.log"
        child = self._children.start(command, self._cpus, log=log)
        if not wait_for_port(ports["plain"], child):
            self._children.stop(child)
            told = [path.read_text(errors="replace").strip() for path in (log, folder / "error.log") if path.exists()]
            say(f"{name} does not start and is left out: {' '.join(told)[-400:] or 'it says nothing'}")
            return None
        time.sleep(0.1)  # nginx forks its worker after it has bound
        if name.endswith("io_uring") and "using epoll" in log.read_text(errors="replace"):
            self._children.stop(child)
            say(f"{name} is left out: postern has fallen back to its other engine")
            return None
        return Proxy(name, child, {kind: ports[kind] for kind in served}, family(child.pid))

    def stop(self, proxy):
        self._children.stop(proxy.child)

    def _prepare(self, name, words):
        folder, every = words["folder"], ("plain", "tls", "unix")
        if name == "floor":
            routes = [words["plain"], words["origin_port"], words["unix"], words["origin_socket"]]
            routes += [words["sse"], words["sse_origin_port"]] if words["sse_origin_port"] else []
            return [self._floor, *routes], ("plain", "unix")
        if name == "nginx":
            config = write(folder / "nginx.conf", NGINX.format(**words))
            return [find("nginx"), "-p", folder, "-e", folder / "error.log", "-c", config], every
        if name == "haproxy":
            write(folder / "both.pem", words["cert"].read_text() + words["key"].read_text())
            return [find("haproxy"), "-db", "-f", write(folder / "haproxy.cfg", HAPROXY.format(**words))], every
        if name == "lighttpd":
            tls = LIGHTTPD_TLS.exists()
            words["tls_module"] = '"mod_openssl"' if tls else ""
            words["tls_server"] = LIGHTTPD_TLS_SERVER.format(**words) if tls else ""
            config = write(folder / "lighttpd.conf", LIGHTTPD.format(**words))
            return [find("lighttpd"), "-D", "-f", config], every if tls else ("plain", "unix")
        words["engine"] = "io_uring" if name.endswith("io_uring") else "epoll"
        return [self._postern, "run", "--config", write(folder / "postern.toml", POSTERN.format(**words))], every


def write(path, text):
    path.write_text(text)
    return path


def version(name, postern):
    """One line that names the program and its version."""
    command = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "lighttpd": ["lighttpd", "-v"],
               "wrk": ["wrk", "-v"], "h2load": ["h2load", "--version"], "openssl": ["openssl", "version"]}.get(name, [str(postern), "--version"])
    program = find(command[0])
    if name == "floor" or not program:
        return ""
    done = subprocess.run([program] + command[1:], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return found.group(0) if found else ""
