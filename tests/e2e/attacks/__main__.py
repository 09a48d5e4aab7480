import json
import os
import sys

from attacks.catalogue import run

os.nice(10)  # a real attacker burns the CPU of another machine
name, host, port = sys.argv[1:4]
print(json.dumps(run(name, (host, int(port)), float(sys.argv[4]) if len(sys.argv) > 4 else 3.0)))
