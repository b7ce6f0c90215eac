"""Downloads every target named on standard input (`path sha256` lines) with python-tuf's ngclient
through a real HTTP server, and compares each. Prints one JSON line.

usage: ngclient.py SITE WORK [--base URL]
    SITE    the folder to serve; metadata/1.root.json in it is the root trusted
    WORK    where the client keeps its metadata and downloads; a second run finds a warm cache
    --base  where it is served already
"""

import functools
import hashlib
import http.server
import json
import pathlib
import sys
import threading

from tuf.ngclient import Updater


class Handler(http.server.SimpleHTTPRequestHandler):
    requests = 0
    served = 0

    def log_message(self, *args):
        pass

    def do_GET(self):
        type(self).requests += 1
        super().do_GET()


def serve(site):
    handler = functools.partial(Handler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def updater(base, work, site):
    metadata, downloads = work / "metadata", work / "downloads"
    metadata.mkdir(parents=True, exist_ok=True)
    downloads.mkdir(parents=True, exist_ok=True)
    root = (site / "metadata" / "1.root.json").read_bytes()
    return Updater(str(metadata), f"{base}/metadata/", str(downloads), f"{base}/", bootstrap=root)


def main():
    site, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    wanted = [line.rstrip("\n").rsplit(" ", 1) for line in sys.stdin if line.strip()]
    base = sys.argv[4] if sys.argv[3:4] == ["--base"] else serve(site)
    client = updater(base, work, site)
    client.refresh()
    verified = 0
    for number, (path, sha256) in enumerate(wanted):
        info = client.get_targetinfo(path)
        assert info is not None, f"{path}: not found"
        file = client.download_target(info, str(work / "downloads" / str(number)))
        actual = hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
        assert actual == sha256, f"{path}: {actual}, not {sha256}"
        verified += 1
    missing = client.get_targetinfo("packages/no-such-project/no-such-1.0.tar.gz")
    assert missing is None, "a target that is nowhere was found"
    print(json.dumps({"verified": verified, "requests": Handler.requests}))


if __name__ == "__main__":
    main()
