"""Fills a folder with what nobody would want to find in a source: names and metadata that break out of the text they
are put into, files that are none, links in circles.

usage: hostile_source.py DIR
"""

import os
import pathlib
import socket
import sys
import time
import zipfile

# Marks the document that it is put into as run over.
SCRIPT = "<script>document.documentElement.setAttribute('data-owned','yes')</script>"
HANDLER = "<img src=x onerror=\"document.documentElement.setAttribute('data-owned','yes')\">"

# Each of them is put where the name of a project, a version, or a whole file is expected.
PIECES = [
    "new\nline",
    "return\rline",
    "tab\tbed",
    "bell\x07",
    "delete\x7f",
    'quo"te',
    "apo'strophe",
    "back`tick",
    "back\\slash",
    "dollar$(touch owned)",
    "semi;colon",
    "amp&ersand",
    "per%2e%2ecent",
    "nul%00",
    "hash#tag",
    "question?x=1",
    "brace{}",
    '{"json":[1]}',
    "..",
    "...",
    "dots..dots",
    "\u202egnp.exe",
    "\u2066isolate\u2069",
    "\ufeffbom",
    "emoji\U0001f600",
    "e\u0301combining",
    "\u00e9composed",
    "line\u2028separator",
    "<b>bold</b>",
    "<!--",
    "]]>",
    "&lt;script&gt;",
    SCRIPT.replace("/", "\u2215"),
    HANDLER,
    "CON",
    "-dash",
    "metadata",
    "0" * 64 + ".hashed",
]

METADATA = {
    "requires": f">=3.8{SCRIPT}",
    "attribute": f'>=3.8" onload="{HANDLER}',
    "entity": "&gt;=3.8 &quot; &#x27;",
    "json": '>=3.8"],"x":"\\u0000',
    "control": ">=3.8\x00\x1b[31m",
    "marks": ">=3.8 \u202e\u2066",
    "long": ">=3.8," * 200_000,
}


def old(path):
    then = time.time() - 3600
    os.utime(path, (then, then), follow_symlinks=False)


def wheel(path, project, requires, name=None, metadata=None):
    info = f"{project}-1.0.dist-info"
    text = f"Metadata-Version: 2.1\nName: {name or project}\nVersion: 1.0\nRequires-Python: {requires}\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{info}/METADATA", metadata or text)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{project}.py", "")
    old(path)


def main():
    top = pathlib.Path(sys.argv[1])
    names = top / "names"
    names.mkdir(parents=True)
    for number, piece in enumerate(PIECES):
        for name in (f"{piece}-1.0.tar.gz", f"cheese-1.0{piece}.tar.gz", f"cheese-1.{number}-{piece}-any.whl", piece):
            if name in (".", "..", "...") or "/" in name:
                continue
            path = names / name
            path.write_bytes(f"the bytes of {number}".encode())
            old(path)
    # 255 bytes, the most that a name can have; and bytes that are no text.
    for name in (b"x" * 244 + b"-1.0.tar.gz", b"\xff\xfe-1.0.tar.gz", b"cheese-2.0\xc3.tar.gz"):
        path = os.path.join(os.fsencode(names), name)
        with open(path, "wb") as file:
            file.write(b"x")
        old(path)
    for project, requires in METADATA.items():
        wheel(top / f"{project}-1.0-py3-none-any.whl", project, requires)
    wheel(top / "other-1.0-py3-none-any.whl", "other", ">=3", name=SCRIPT)
    wheel(top / "bytes-1.0-py3-none-any.whl", "bytes", "", metadata=b"Name: \xff\xfe\nRequires-Python: \xff>=3\n\n\xff")
    # Three ways to write one project.
    for name in ("Foo_Bar-1.0", "foo.bar-1.1", "foo-bar-1.2"):
        path = top / f"{name}.tar.gz"
        path.write_bytes(name.encode())
        old(path)
    for name in ("zero-1.0.tar.gz", "zero-1.1-py3-none-any.whl"):
        (top / name).write_bytes(b"")
        old(top / name)
    circles = top / "circles"
    circles.mkdir()
    (circles / "up").symlink_to("..")
    (circles / "self-1.0.tar.gz").symlink_to("self-1.0.tar.gz")
    (circles / "one-1.0.tar.gz").symlink_to("two-1.0.tar.gz")
    (circles / "two-1.0.tar.gz").symlink_to("one-1.0.tar.gz")
    (circles / "passwd-1.0.tar.gz").symlink_to("/etc/passwd")
    (circles / "null-1.0.tar.gz").symlink_to("/dev/null")
    others = top / "others"
    others.mkdir()
    os.mkfifo(others / "fifo-1.0.tar.gz")
    server = socket.socket(socket.AF_UNIX)
    here = os.getcwd()
    os.chdir(others)
    server.bind("socket-1.0.tar.gz")
    os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(others / "device-1.0.tar.gz", 0o666 | 0o020000, os.makedev(1, 5))
    deep = top / "deep"
    for _ in range(200):
        deep = deep / "d"
    deep.mkdir(parents=True)
    (deep / "deep-1.0.tar.gz").write_bytes(b"deep")
    old(deep / "deep-1.0.tar.gz")


if __name__ == "__main__":
    main()
