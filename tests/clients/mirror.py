"""Runs the real bandersnatch against an index on the loopback that serves a folder of distributions, as
much of PyPI as bandersnatch asks for. Upload times follow from file names.

usage: mirror.py DISTS OUT [--set KEY=VALUE]... [--yank FILE=REASON]... [--status PROJECT=STATUS]...
    DISTS  the distributions
    OUT    the mirror's directory; its configuration lies beside it as OUT.conf
    --set  a further line of the section [mirror]
"""

import argparse
import datetime
import email
import hashlib
import http.server
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import threading
import urllib.parse
import xmlrpc.client
import zipfile


def normalise(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def metadata(path):
    """A wheel's METADATA or an sdist's PKG-INFO, as bytes."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return archive.read(next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA")))
    with tarfile.open(path) as archive:
        return archive.extractfile(min((n for n in archive.getnames() if n.endswith("/PKG-INFO")), key=len)).read()


def upload_time(filename):
    number = int(hashlib.sha256(filename.encode()).hexdigest(), 16)
    moment = datetime.datetime(2020, 1, 1) + datetime.timedelta(microseconds=number % (5 * 365 * 86400 * 10**6))
    return f"{moment:%FT%T.%fZ}"


class Index:
    """PyPI's JSON of each project, and the bytes of each path."""

    def __init__(self, dists, yanked, status, base):
        self.projects, self.files = {}, {}
        for path in sorted(p for p in dists.rglob("*") if p.name.endswith((".whl", ".tar.gz"))):
            self.add(path, yanked, base)
        for serial, (name, project) in enumerate(sorted(self.projects.items()), 1001):
            project["last_serial"] = serial
            project["urls"] = project["releases"][project["info"]["version"]]
            if name in status:
                project["project-status"] = {"status": status[name]}

    def add(self, path, yanked, base):
        content, wheel, told = path.read_bytes(), path.suffix == ".whl", metadata(path)
        fields = email.message_from_bytes(told)
        blake = hashlib.blake2b(content, digest_size=32).hexdigest()
        where = f"/packages/{blake[:2]}/{blake[2:4]}/{blake[4:]}/{path.name}"
        self.files[where], self.files[f"{where}.metadata"] = content, told
        project = self.projects.setdefault(normalise(fields["Name"]), {"releases": {}, "vulnerabilities": []})
        project["info"] = {"name": fields["Name"], "version": fields["Version"], "requires_python": None}
        project["releases"].setdefault(fields["Version"], []).append({
            "filename": path.name,
            "size": len(content),
            "packagetype": "bdist_wheel" if wheel else "sdist",
            "python_version": "py3",
            "requires_python": fields["Requires-Python"],
            "digests": {
                "blake2b_256": blake,
                "md5": hashlib.md5(content).hexdigest(),
                "sha256": hashlib.sha256(content).hexdigest(),
            },
            "core-metadata": wheel and {"sha256": hashlib.sha256(told).hexdigest()},
            "upload_time": upload_time(path.name)[:19],
            "upload_time_iso_8601": upload_time(path.name),
            "url": base + urllib.parse.quote(where),
            "yanked": path.name in yanked,
            "yanked_reason": yanked.get(path.name) or None,
        })

    def serials(self):
        return {project["info"]["name"]: project["last_serial"] for project in self.projects.values()}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def answer(self, body, serial=0, status=200, kind="application/json"):
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", len(body)), ("X-PyPI-Last-Serial", serial)):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path, index = urllib.parse.unquote(self.path), self.server.index
        segments = path.strip("/").split("/")
        if segments == ["simple"]:
            projects = [{"name": name, "_last-serial": serial} for name, serial in index.serials().items()]
            body = {"meta": {"api-version": "1.4"}, "projects": projects}
            self.answer(json.dumps(body).encode(), kind="application/vnd.pypi.simple.v1+json")
        elif segments[0] == "pypi" and segments[1] in index.projects:
            project = index.projects[segments[1]]
            self.answer(json.dumps(project).encode(), project["last_serial"])
        elif path in index.files:
            self.answer(index.files[path], kind="application/octet-stream")
        else:
            self.answer(b"", status=404)

    def do_POST(self):
        """What versions before 7 ask for."""
        arguments, method = xmlrpc.client.loads(self.rfile.read(int(self.headers["Content-Length"])))
        serials = self.server.index.serials()
        if method == "changelog_since_serial":
            serials = [[name, "", 0, "change", serial] for name, serial in serials.items() if serial > arguments[0]]
        self.answer(xmlrpc.client.dumps((serials,), methodresponse=True).encode(), kind="text/xml")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("dists", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--yank", action="append", default=[])
    parser.add_argument("--status", action="append", default=[])
    arguments = parser.parse_args()
    pairs = lambda texts: dict(text.split("=", 1) for text in texts)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    base = f"http://127.0.0.1:{server.server_port}"
    server.index = Index(arguments.dists, pairs(arguments.yank), pairs(arguments.status), base)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lines = ["[mirror]", f"directory = {arguments.out.resolve()}", f"master = {base}", "allow-non-https = true"]
    conf = pathlib.Path(f"{arguments.out}.conf")
    conf.write_text("\n".join(lines + [text.replace("=", " = ", 1) for text in arguments.set]) + "\n")
    bandersnatch = pathlib.Path(sys.executable).with_name("bandersnatch")
    run = subprocess.run([bandersnatch, "-c", conf, "mirror"], capture_output=True, text=True)
    # bandersnatch ends with 0 although a project failed; a mirror that is complete says so.
    if run.returncode or not (arguments.out / "web" / "last-modified").exists():
        sys.exit(f"bandersnatch failed ({run.returncode}):\n{run.stdout}{run.stderr}")


if __name__ == "__main__":
    main()
