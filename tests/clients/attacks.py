"""Lets python-tuf look files up in trees that somebody tampered with, many of them in one process. Reads a
JSON list of cases from standard input, and prints a JSON list with the answers of each.

A case: {"site": FOLDER, "over": {NAME: hex or null}, "root": FILE, "from": FOLDER or null,
         "keep": FOLDER or null, "ask": [PATH]}
    site    what is served, but for the names in `over`, which have these bytes or are not there
    root    the root that the client starts from
    from    a folder that another case has kept: the client's cache
    keep    where the cache is kept
    ask     what one session of the client looks up, in this order

An answer is the SHA-256 of what it took, "none" for a target that is not there, or "error: " and why.
"""

import hashlib
import json
import pathlib
import shutil
import sys
import tempfile
import urllib.parse

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater


class Tampered(FetcherInterface):
    def __init__(self, site, over):
        self.site = pathlib.Path(site)
        self.over = over

    def _fetch(self, url):
        name = urllib.parse.unquote(urllib.parse.urlsplit(url).path.lstrip("/"))
        if name in self.over:
            held = self.over[name]
            data = None if held is None else bytes.fromhex(held)
        else:
            file = self.site / name
            data = file.read_bytes() if file.is_file() else None
        if data is None:
            raise DownloadHTTPError(f"{name} is not there", 404)
        yield data


def answer(client, path):
    try:
        info = client.get_targetinfo(path)
        if info is None:
            return "none"
        file = client.download_target(info)
        return hashlib.sha256(pathlib.Path(file).read_bytes()).hexdigest()
    except Exception as error:
        return f"error: {type(error).__name__}: {error}"


def session(case, work):
    metadata, downloads = work / "metadata", work / "downloads"
    if case["from"]:
        shutil.copytree(case["from"], metadata, symlinks=True)
    metadata.mkdir(exist_ok=True)
    downloads.mkdir()
    try:
        client = Updater(
            str(metadata),
            "http://attacked/metadata/",
            str(downloads),
            "http://attacked/",
            fetcher=Tampered(case["site"], case["over"]),
            bootstrap=pathlib.Path(case["root"]).read_bytes(),
        )
        client.refresh()
    except Exception as error:
        return [f"error: {type(error).__name__}: {error}"] * len(case["ask"])
    answers = [answer(client, path) for path in case["ask"]]
    if case["keep"]:
        shutil.copytree(metadata, case["keep"], symlinks=True)
    return answers


def main():
    answers = []
    for case in json.load(sys.stdin):
        with tempfile.TemporaryDirectory() as work:
            answers.append(session(case, pathlib.Path(work)))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
