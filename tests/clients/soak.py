"""Reads a served site without pause until standard input ends: `tuf` with python-tuf, from the index pages to the
files, keeping its cache and now and then starting empty; `pip` by having pip download projects that the index
lists. Prints a JSON line for every error at once, and one with what was read at the end.

usage: soak.py (tuf|pip) BASE ROOT WORK SEED
    BASE  where the site is served
    ROOT  the root to trust
    WORK  where the client keeps what it has
    SEED  of what it reads
"""

import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import threading
import time
import traceback
import urllib.request

from pypi_simple import IndexPage
from tuf.ngclient import Updater

kind, base = sys.argv[1:3]
root, work = pathlib.Path(sys.argv[3]).read_bytes(), pathlib.Path(sys.argv[4])
dice = random.Random(sys.argv[5])
counts = {"reads": 0, "refreshes": 0, "fresh starts": 0, "files": 0, "bytes": 0, "errors": 0}
now = {"project": None}


def by_tuf():
    """From the root page to a page to files, all in what one refresh leads to: nothing may be missing there."""
    cache = work / "tuf"
    if dice.random() < 0.1:
        shutil.rmtree(cache, ignore_errors=True)
        counts["fresh starts"] += 1
    for folder in ("metadata", "downloads"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    client = Updater(
        str(cache / "metadata"), f"{base}/metadata/", str(cache / "downloads"), f"{base}/", bootstrap=root
    )
    client.refresh()
    counts["refreshes"] += 1

    def get(path, sha256=None):
        info = client.get_targetinfo(path)
        assert info is not None, f"{path}: listed, and nowhere"
        assert sha256 in (None, info.hashes["sha256"]), f"{path}: the page says another hash than the role"
        content = pathlib.Path(client.download_target(info, str(cache / "downloads" / "file"))).read_bytes()
        assert hashlib.sha256(content).hexdigest() == info.hashes["sha256"], path
        counts["files"] += 1
        counts["bytes"] += len(content)
        return content

    projects = IndexPage.from_html(get("simple/index.html").decode()).projects
    for project in dice.sample(projects, min(3, len(projects))):
        now["project"] = project
        page = json.loads(get(f"simple/{project}/index.v1_json"))
        for file in dice.sample(page["files"], min(2, len(page["files"]))):
            get(f"packages/{project}/{file['filename']}", file["hashes"]["sha256"])


def by_pip():
    with urllib.request.urlopen(f"{base}/simple/") as response:
        projects = IndexPage.from_html(response.read().decode()).projects
    now["project"] = project = dice.choice(projects)
    into = work / "pip"
    shutil.rmtree(into, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--retries", "0"]
    command += ["--disable-pip-version-check", "--index-url", f"{base}/simple/", "--dest", str(into), project]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    for file in into.iterdir():
        assert re.sub(r"[-_.]+", "-", file.name.split("-")[0]).lower() == project, file
        counts["files"] += 1
        counts["bytes"] += file.stat().st_size


stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
while not stop.is_set():
    began, now["project"] = time.time(), None
    try:
        {"tuf": by_tuf, "pip": by_pip}[kind]()
        counts["reads"] += 1
    except Exception:
        counts["errors"] += 1
        error = {"began": began, "ended": time.time(), "project": now["project"], "error": traceback.format_exc()}
        try:
            print(json.dumps(error), flush=True)
        except BrokenPipeError:
            # Nobody listens any more: the soak has ended in an error.
            sys.exit(1)
    stop.wait(0.05 if kind == "tuf" else 0.3)
print(json.dumps({"counts": counts}))
