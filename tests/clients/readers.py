"""Looks at a served site each time a line comes in (`look`, or `tuf` for the TUF clients alone): with a
python-tuf client that keeps its cache, with one that starts empty, with pip itself, and as pip does, every
page and every file. Prints a JSON line for each look.

usage: readers.py BASE ROOT WORK
    BASE  where the site is served
    ROOT  the root to trust
    WORK  where the clients keep what they have
"""

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import traceback
import urllib.parse
import urllib.request

from pypi_simple import IndexPage, ProjectPage
from tuf.ngclient import Updater

base, root, work = sys.argv[1], pathlib.Path(sys.argv[2]).read_bytes(), pathlib.Path(sys.argv[3])


def fetch(url):
    # As pip asks: compressed where the server can.
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    with urllib.request.urlopen(request) as response:
        return response.read()


def by_tuf(cache, paths):
    for folder in ("metadata", "downloads"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    client = Updater(
        str(cache / "metadata"), f"{base}/metadata/", str(cache / "downloads"), f"{base}/", bootstrap=root
    )
    client.refresh()
    for path in paths:
        info = client.get_targetinfo(path)
        if info is not None:
            client.download_target(info, str(cache / "downloads" / "file"))


def pip():
    """What is newest, as pip chooses it."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--retries", "0"]
    command += ["--disable-pip-version-check", "--index-url", f"{base}/simple/", "--dest", str(work / "pip"), "whey"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def as_pip():
    """Every file of every project that the root page lists; gives their paths."""
    paths = []
    for project in IndexPage.from_html(fetch(f"{base}/simple/").decode()).projects:
        url = f"{base}/simple/{project}/"
        for package in ProjectPage.from_html(project, fetch(url).decode(), base_url=url).packages:
            assert hashlib.sha256(fetch(package.url)).hexdigest() == package.digests["sha256"], package.url
            paths.append(urllib.parse.unquote(package.url[len(base) + 1 :]))
    return paths


paths = []
for line in sys.stdin:
    errors = []
    looks = [
        lambda: paths.__setitem__(slice(None), as_pip()),
        pip,
        lambda: by_tuf(work / "warm", paths + ["simple/whey/index.html"]),
        lambda: (shutil.rmtree(work / "cold", ignore_errors=True), by_tuf(work / "cold", paths)),
    ]
    for look in looks[2:] if line == "tuf\n" else looks:
        try:
            look()
        except Exception:
            errors.append(traceback.format_exc())
    print(json.dumps({"files": len(paths), "errors": errors}), flush=True)
