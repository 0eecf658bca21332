"""Write and read the manifest of a folder of evidence, in the format of sha256sum(1).

A line is 64 hex digits, two blanks and the path of a file in the folder; ``sha256sum -c SHA256SUMS`` reads it as well.
"""

import re
from collections.abc import Mapping
from hashlib import sha256

from provision.common.errors import ParseError
from provision.common.text import quoted

MANIFEST = "SHA256SUMS"
"""The file that lists the digests of all others."""
SIGNATURE = "SHA256SUMS.asc"
"""The signature of the manifest, if the folder is signed."""
UNLISTED = frozenset({MANIFEST, SIGNATURE})
PART = r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*"
"""The name of a file or folder: it never begins with a dot, and sha256sum never has to escape it."""
_LINE = re.compile(rf"(?P<digest>[0-9a-f]{{64}})  (?P<path>{PART}(?:/{PART})*)")


def manifest_text(files: Mapping[str, bytes]) -> str:
    """Return the manifest of files by their paths in the folder, sorted by path."""
    return "".join(f"{sha256(files[path]).hexdigest()}  {path}\n" for path in sorted(files))


def parse_manifest(text: str) -> dict[str, str]:
    """Return the digests in hex by path. Raises ParseError, which names the line."""
    digests: dict[str, str] = {}
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        found = _LINE.fullmatch(line)
        if found is None or found["path"] in UNLISTED:
            raise ParseError(f"{MANIFEST}:{number}: no digest and path of a file: {quoted(line)}")
        if found["path"] in digests:
            raise ParseError(f"{MANIFEST}:{number}: {found['path']} is listed twice")
        digests[found["path"]] = found["digest"]
    if not digests:
        raise ParseError(f"{MANIFEST}: lists no file")
    return digests
