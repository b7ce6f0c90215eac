"""Compares every page of a site, HTML and JSON as pypi-simple reads them, with what the archives
themselves say. Prints one JSON line.

usage: pages.py SITE [YANKED]
    YANKED  what is yanked, as a JSON object: file name to reason, "" without one
"""

import email.parser
import hashlib
import json
import pathlib
import sys
import tarfile
import zipfile

from packaging.utils import canonicalize_name
from packaging.version import Version
from pypi_simple import ProjectPage


def metadata(path):
    """METADATA or PKG-INFO, as bytes."""
    if path.name.endswith(".whl"):
        with zipfile.ZipFile(path) as archive:
            (name,) = [n for n in archive.namelist() if n.endswith(".dist-info/METADATA") and n.count("/") == 1]
            return archive.read(name)
    with tarfile.open(path) as archive:
        (name,) = [n for n in archive.getnames() if n.endswith("/PKG-INFO") and n.count("/") == 1]
        return archive.extractfile(name).read()


def check(site, folder, yanked):
    files = 0
    plain = sorted(p for p in (site / "packages" / folder.name).iterdir() if not p.name[64:65] == "." or len(p.name) < 66)
    archives = {p.name: p for p in plain if not p.name.endswith(".metadata")}
    html = ProjectPage.from_html(folder.name, (folder / "index.html").read_text(), base_url=f"http://x/simple/{folder.name}/")
    document = json.loads((folder / "index.v1_json").read_text())
    page = ProjectPage.from_json_data(document, base_url=f"http://x/simple/{folder.name}/")
    assert page.project == canonicalize_name(folder.name) == folder.name
    for source, packages in (("html", html.packages), ("json", page.packages)):
        assert {p.filename for p in packages} == set(archives), (source, folder.name)
        for package in packages:
            path = archives[package.filename]
            data = path.read_bytes()
            told = email.parser.BytesHeaderParser().parsebytes(metadata(path))
            assert package.url == f"http://x/packages/{folder.name}/{path.name}", package.url
            assert package.digests == {"sha256": hashlib.sha256(data).hexdigest()}, package
            assert package.requires_python == told["Requires-Python"], (package, told["Requires-Python"])
            assert package.is_yanked == (path.name in yanked), package
            assert (package.yanked_reason or "") == yanked.get(path.name, ""), package
            if source == "json":
                assert package.size == len(data), package
            if path.name.endswith(".whl"):
                beside = (path.parent / f"{path.name}.metadata").read_bytes()
                assert beside == metadata(path)
                assert package.metadata_digests == {"sha256": hashlib.sha256(beside).hexdigest()}, package
            files += 1
    versions = [Version(v) for v in document["versions"]]
    assert versions == sorted(set(versions)), versions
    assert {str(v) for v in versions} == {str(Version(p.version)) for p in page.packages}
    return files


def main():
    site = pathlib.Path(sys.argv[1])
    yanked = json.loads(sys.argv[2]) if len(sys.argv) > 2 else {}
    folders = [f for f in sorted((site / "simple").iterdir()) if f.is_dir()]
    print(json.dumps({"projects": len(folders), "files": sum(check(site, f, yanked) for f in folders)}))


if __name__ == "__main__":
    main()
