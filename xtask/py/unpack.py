"""Copy chosen members of wheels into folders. Reads the plan as JSON on standard input:
[{"wheel": file, "files": [patterns], "strip": prefix, "into": folder}, …]. Prints how many files
each entry gave. The wheels' own hashes have been checked before; zipfile checks each member's CRC."""

import fnmatch
import json
import os
import shutil
import sys
import zipfile


def chosen(names, patterns):
    return [
        name
        for name in names
        if not name.endswith("/") and any(fnmatch.fnmatchcase(name, p) for p in patterns)
    ]


def target(name, strip, into):
    relative = name[len(strip):] if name.startswith(strip) else name
    path = os.path.normpath(os.path.join(into, relative))
    if not path.startswith(os.path.normpath(into) + os.sep):
        sys.exit(f"member {name!r} would be written outside {into!r}; the wheel is not to be trusted")
    return path


def unpack(entry):
    with zipfile.ZipFile(entry["wheel"]) as wheel:
        names = chosen(wheel.namelist(), entry["files"])
        for name in names:
            path = target(name, entry["strip"], entry["into"])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with wheel.open(name) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
    return len(names)


if __name__ == "__main__":
    print(json.dumps([unpack(entry) for entry in json.load(sys.stdin)]))
