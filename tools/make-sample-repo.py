#!/usr/bin/env python3
"""Makes sample-repo/: a few small Python projects, as wheels and sdists, byte for byte the same
each time. Needs nothing but Python; writes to the folder given, or to sample-repo/ beside tools/.

Nothing is compressed and no time is real, so that no version of zlib or of the clock changes a
byte."""

import base64
import gzip
import hashlib
import io
import pathlib
import sys
import tarfile
import zipfile

EPOCH = 1_577_836_800  # 2020-01-01T00:00:00Z

# project as its author writes it, module, summary, versions, what it requires
PROJECTS = [
    ("Tuffet.Greeting", "tuffet_greeting", "Says hello.", ["1.0", "1.1", "2.0b1"], []),
    ("curds", "curds", "One half of a breakfast.", ["0.9.1", "1.0.0"], []),
    ("whey", "whey", "The other half.", ["3.2"], ["curds>=1.0"]),
    ("spider-web", "spider_web", "Sits down beside the others.", ["1.0", "1.0+local.1"], ["whey", "Tuffet.Greeting"]),
    ("arachnid_legs", "arachnid_legs", "Counts to eight.", ["8"], []),
]


def metadata(name, version, summary, requires):
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Summary: {summary}"]
    lines += ["Requires-Python: >=3.8"] + [f"Requires-Dist: {r}" for r in requires]
    return ("\n".join(lines) + f"\n\n{summary}\n").encode()


def module(name, version):
    return f'"""{name} {version}."""\n\n__version__ = "{version}"\n'.encode()


def wheel(name, mod, version, summary, requires):
    dist = name.lower().replace("-", "_").replace(".", "_")
    info = f"{dist}-{version}.dist-info"
    files = {
        f"{mod}.py": module(name, version),
        f"{info}/METADATA": metadata(name, version, summary, requires),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: make-sample-repo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = []
    for path, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record.append(f"{path},sha256={digest},{len(data)}")
    files[f"{info}/RECORD"] = ("\n".join(record) + f"\n{info}/RECORD,,\n").encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for path, data in files.items():
            entry = zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return f"{dist}-{version}-py3-none-any.whl", out.getvalue()


def sdist(name, mod, version, summary, requires, free_form=False):
    # PEP 625 wants the normalised name; older tools left it as the author wrote it.
    dist = name if free_form else name.lower().replace("-", "_").replace(".", "_")
    stem = f"{dist}-{version}"
    pyproject = (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n\n'
        f'[project]\nname = "{name}"\nversion = "{version}"\ndescription = "{summary}"\n'
        f"dependencies = {requires!r}\n\n[tool.setuptools]\npy-modules = [\"{mod}\"]\n"
    ).encode()
    files = {
        f"{stem}/PKG-INFO": metadata(name, version, summary, requires),
        f"{stem}/pyproject.toml": pyproject,
        f"{stem}/{mod}.py": module(name, version),
    }
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, data in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime, entry.mode = len(data), EPOCH, 0o644
            archive.addfile(entry, io.BytesIO(data))
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=0, mtime=EPOCH) as archive:
        archive.write(tar.getvalue())
    return f"{stem}.tar.gz", out.getvalue()


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "sample-repo"
    for name, mod, summary, versions, requires in PROJECTS:
        folder = target / mod
        folder.mkdir(parents=True, exist_ok=True)
        for version in versions:
            made = [wheel(name, mod, version, summary, requires)]
            made.append(sdist(name, mod, version, summary, requires, free_form=version == "1.0"))
            for filename, data in made:
                (folder / filename).write_bytes(data)


if __name__ == "__main__":
    main()
