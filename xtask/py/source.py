"""Fetch the source archive of a package from the package index: source.py NAME VERSION FOLDER.

pip would do it too, but would then run the package's own set-up program, with tools it fetches for
that, only to learn what the package depends on. This fetches the file and runs nothing. The index
and the certificates are those that pip is told to use (PIP_INDEX_URL or pip.conf, PIP_CERT); the
proxy is that of the environment (HTTPS_PROXY). The caller checks the hash."""

import html.parser
import os
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

INDEX = "https://pypi.org/simple"
SECONDS = 60


class Links(html.parser.HTMLParser):
    """The addresses that a page points to."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def told(option):
    """What pip is told by its environment or its files, or nothing."""
    variable = os.environ.get("PIP_" + option.upper().replace("-", "_"))
    if variable:
        return variable
    for section in ("download", "global"):
        asked = [sys.executable, "-m", "pip", "config", "get", f"{section}.{option}"]
        answer = subprocess.run(asked, capture_output=True, text=True)
        if answer.returncode == 0:
            return answer.stdout.strip()
    return None


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def address(page, text, name, version):
    """Where the page says that the archive is; names of files vary in case and hyphens."""
    links = Links()
    links.feed(text)
    for link in links.found:
        whole = urllib.parse.urldefrag(urllib.parse.urljoin(page, link)).url
        file = urllib.parse.unquote(urllib.parse.urlsplit(whole).path.rsplit("/", 1)[-1])
        if normal(file) == normal(f"{name}-{version}.tar.gz"):
            return whole
    sys.exit(f"expected {name}-{version}.tar.gz on {page}, got {len(links.found)} other files")


def main(name, version, folder):
    context = ssl.create_default_context(cafile=told("cert"))
    page = f"{(told('index-url') or INDEX).rstrip('/')}/{normal(name)}/"
    try:
        request = urllib.request.Request(page, headers={"Accept": "text/html"})
        with urllib.request.urlopen(request, timeout=SECONDS, context=context) as answer:
            source = address(answer.url, answer.read().decode(), name, version)
        with urllib.request.urlopen(source, timeout=SECONDS, context=context) as answer:
            with open(os.path.join(folder, f"{name}-{version}.tar.gz"), "wb") as sink:
                shutil.copyfileobj(answer, sink, 1 << 20)
    except (OSError, ValueError) as error:
        sys.exit(f"{page}: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
