import json
import sys

from attacks.catalogue import run

name, host, port = sys.argv[1:4]
print(json.dumps(run(name, (host, int(port)), float(sys.argv[4]) if len(sys.argv) > 4 else 3.0)))
