"""Serves a folder on the loopback until standard input ends; prints the address.

usage: serve.py SITE
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import ngclient

print(ngclient.serve(pathlib.Path(sys.argv[1])), flush=True)
sys.stdin.read()
