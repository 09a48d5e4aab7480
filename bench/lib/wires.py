"""What the cases on HTTP/2, gRPC, server-sent events and tokens need of each proxy: a listener and an upstream more, added to
its configuration in an instance of its own, so that the other cases measure what they always did."""

from machine import LIGHTTPD_TLS

# 320 requests at a time to an HTTP/1.1 origin, or one stream per connection (nginx): all of the connections are kept.
NGINX = {
    "h2": """
  upstream many {{
    server 127.0.0.1:{origin_port};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  server {{
    listen 127.0.0.1:{h2} ssl http2 backlog=4096;
    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{ proxy_pass http://many; }}
  }}
""",
    "grpc": """
  upstream calls {{
    server 127.0.0.1:{h2_origin_port};
    keepalive 512;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  server {{
    listen 127.0.0.1:{grpc} http2 backlog=4096;
    location / {{ grpc_pass grpc://calls; }}
  }}
""",
    "sse": """
  upstream events {{ server 127.0.0.1:{sse_origin_port}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{sse} backlog=4096;
    location / {{ proxy_pass http://events; proxy_buffering off; }}
  }}
""",
}

HAPROXY = {
    "h2": """
frontend h2
  bind 127.0.0.1:{h2} ssl crt {folder}/both.pem alpn h2,http/1.1
""",
    "grpc": """
frontend grpc
  bind 127.0.0.1:{grpc} proto h2
  default_backend calls
backend calls
  server origin 127.0.0.1:{h2_origin_port} proto h2 pool-purge-delay 300s
""",
    "sse": """
frontend sse
  bind 127.0.0.1:{sse}
  option http-no-delay
  default_backend events
backend events
  option http-no-delay
  server origin 127.0.0.1:{sse_origin_port} pool-purge-delay 300s
""",
}

LIGHTTPD = {
    "h2": """
$SERVER["socket"] == "127.0.0.1:{h2}" {{
  ssl.engine = "enable"
  ssl.pemfile = "{cert}"
  ssl.privkey = "{key}"
}}
""",
}

POSTERN = {
    "h2": """
[[listener]]
name = "h2"
address = "127.0.0.1:{h2}"
keepalive_timeout = "300s"
[listener.tls]
alpn = ["h2", "http/1.1"]
[[listener.tls.certificate]]
cert = "{cert}"
key = "{key}"

[[upstream]]
name = "many"
endpoints = ["127.0.0.1:{origin_port}"]
keepalive_timeout = "300s"
max_idle = 512

[[route]]
name = "many"
path = "/*"
listeners = ["h2"]
forward = "many"
""",
    "grpc": """
[[listener]]
name = "grpc"
address = "127.0.0.1:{grpc}"
keepalive_timeout = "300s"
h2c = true

[[upstream]]
name = "calls"
endpoints = ["127.0.0.1:{h2_origin_port}"]
protocol = "h2"
keepalive_timeout = "300s"

[[route]]
name = "calls"
path = "/*"
listeners = ["grpc"]
forward = "calls"
""",
    "sse": """
[[listener]]
name = "sse"
address = "127.0.0.1:{sse}"
keepalive_timeout = "300s"

[[upstream]]
name = "events"
endpoints = ["127.0.0.1:{sse_origin_port}"]
keepalive_timeout = "300s"

[[route]]
name = "events"
path = "/*"
listeners = ["sse"]
forward = "events"
""",
}


# The same work for all: the signature, issuer, audience and times of a token, a rule on its scope, and a limit for its
# subject that is never reached. nginx cannot read tokens; it asks a daemon about each request, and the cheapest one that
# there could be is nginx itself with a fixed 204.
NGINX["auth"] = """
  server {{
    listen 127.0.0.1:{auth} backlog=4096;
    location / {{ auth_request /verdict; proxy_pass http://tcp; }}
    location = /verdict {{
      internal;
      proxy_pass http://daemon;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
    }}
  }}
  upstream daemon {{
    server unix:{folder}/daemon.sock;
    keepalive 64;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
  }}
  server {{
    listen unix:{folder}/daemon.sock backlog=4096;
    location / {{ return 204; }}
  }}
"""

HAPROXY["auth"] = """
frontend auth
  bind 127.0.0.1:{auth}
  http-request set-var(txn.token) http_auth_bearer
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request set-var(txn.sub) var(txn.token),jwt_payload_query('$.sub')
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_header_query('$.alg') -m str RS256 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.iss') -m str {issuer} }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.aud') -m str {audience} }}
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify("RS256","{token_key}") -m int 1 }}
  http-request deny deny_status 403 unless {{ var(txn.token),jwt_payload_query('$.scope') -m str predict }}
  http-request track-sc0 var(txn.sub) table subjects
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 1000000000 }}
backend subjects
  stick-table type string len 64 size 100k expire 1m store http_req_rate(1s)
"""

POSTERN["auth"] = """
[[issuer]]
name = "bench"
url = "{issuer}"
audiences = ["{audience}"]
pem_file = "{token_key}"

[[policy]]
name = "predict"
allow = ['scopes has "predict"']

[[limit]]
name = "subjects"
per = ["subject"]
requests = 1000000000
interval = "1s"

[[listener]]
name = "auth"
address = "127.0.0.1:{auth}"
keepalive_timeout = "300s"

[[route]]
name = "auth"
path = "/*"
listeners = ["auth"]
forward = "tcp"
[route.access]
policy = "predict"
limits = ["subjects"]
"""

# The port alone: the access log is switched on in peers.py.
POSTERN["log"] = """
[[listener]]
name = "log"
address = "127.0.0.1:{log}"
keepalive_timeout = "300s"

[[route]]
name = "log"
path = "/*"
listeners = ["log"]
forward = "tcp"
"""

# Intents and outcomes of all requests, checkpoints signed. Without waiting for the disk, as "interval" and "none" do; and
# with group commit, on a file in memory, since what a disk takes of the CPU for its journal is the disk's.
AUDIT = """
[[audit]]
name = "bench"
file = "{{{folder}}}/audit.jsonl"
key_file = "{{audit_key}}"
sync = "{sync}"
rotate_size = "16MiB"
keep = 1

[[listener]]
name = "{wire}"
address = "127.0.0.1:{{{wire}}}"
keepalive_timeout = "300s"

[[route]]
name = "{wire}"
path = "/*"
listeners = ["{wire}"]
forward = "tcp"
audit = "intent"
"""
POSTERN["audit"] = AUDIT.format(wire="audit", sync="interval", folder="folder")
POSTERN["group"] = AUDIT.format(wire="group", sync="group", folder="memory")


def addition(name, wire, words):
    """What the configuration of this proxy gets for the wire: text, empty where there is none."""
    program = name.partition("-")[0]
    texts = {"nginx": NGINX, "haproxy": HAPROXY, "lighttpd": LIGHTTPD, "postern": POSTERN}.get(program, {})
    return texts.get(wire, "").format(**words)


def serves(name, wire):
    """Whether this proxy can take part in the wire's cases."""
    if wire in ("log", "audit", "group"):
        return name.startswith("postern")  # what logs of its own cost it; the others are measured without
    if wire == "auth" and name in ("floor", "lighttpd"):
        return False
    if name == "floor":
        return wire == "sse"  # bytes are bytes
    if name == "lighttpd":
        return wire == "h2" and LIGHTTPD_TLS.exists()
    return True
