"""Copy chosen members of wheels and source archives into folders. Reads the plan as JSON on standard
input: [{"archive": file, "files": [patterns], "strip": prefix, "into": folder}, …]. Prints how many
files each entry gave. The archives' own hashes have been checked before."""

import fnmatch
import json
import os
import shutil
import sys
import tarfile
import zipfile


def chosen(names, patterns):
    return [name for name in names if any(fnmatch.fnmatchcase(name, p) for p in patterns)]


def target(name, strip, into):
    relative = name[len(strip):] if name.startswith(strip) else name
    path = os.path.normpath(os.path.join(into, relative))
    if not path.startswith(os.path.normpath(into) + os.sep):
        sys.exit(f"member {name!r} would be written outside {into!r}; it is not to be trusted")
    return path


def files(archive):
    """Names of the regular files in an open archive, each with how to open it."""
    if isinstance(archive, zipfile.ZipFile):
        return {name: archive.open for name in archive.namelist() if not name.endswith("/")}
    return {member.name: archive.extractfile for member in archive if member.isfile()}


def unpack(entry):
    file = entry["archive"]
    with tarfile.open(file) if file.endswith(".tar.gz") else zipfile.ZipFile(file) as archive:
        there = files(archive)
        names = chosen(there, entry["files"])
        for name in names:
            path = target(name, entry["strip"], entry["into"])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with there[name](name) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    return len(names)


if __name__ == "__main__":
    print(json.dumps([unpack(entry) for entry in json.load(sys.stdin)]))
