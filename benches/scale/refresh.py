"""refresh.py SITE CACHE TARGET...: python-tuf downloads targets of a site. A line for each of them says how many
metadata files it asked for until it had it, their bytes, and their bytes as a server sends them compressed."""

import gzip
import os
import sys
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater


class Counting(FetcherInterface):
    def __init__(self, site):
        self.site = site
        self.reset()

    def reset(self):
        self.requests = self.bytes = self.compressed = 0

    def _fetch(self, url):
        path = url.removeprefix("http://site/")
        is_metadata = path.startswith("metadata/")
        self.requests += is_metadata
        try:
            with open(os.path.join(self.site, path), "rb") as file:
                content = file.read()
        except FileNotFoundError as error:
            raise DownloadHTTPError(str(error), 404) from error
        if is_metadata:
            self.bytes += len(content)
            self.compressed += len(gzip.compress(content, 6))
        yield content


site, cache, *targets = sys.argv[1:]
os.makedirs(cache, exist_ok=True)
first = None
if not os.listdir(cache):
    with open(os.path.join(site, "metadata/1.root.json"), "rb") as file:
        first = file.read()
fetcher = Counting(site)
updater = Updater(cache, "http://site/metadata/", cache, "http://site/", fetcher, bootstrap=first)
for target in targets:
    info = updater.get_targetinfo(target)
    updater.download_target(info, os.path.join(cache, "target"))
    print(fetcher.requests, fetcher.bytes, fetcher.compressed)
    fetcher.reset()
