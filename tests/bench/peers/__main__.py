"""One peer's worker: `python -m tests.bench.peers celery`."""

import importlib
import sys

importlib.import_module(f"tests.bench.peers.{sys.argv[1]}_worker").work()
