"""Put pages and files that lie outside of ``docs/`` into the site, and point links to where they lie there.

On a forge, a link such as ``../examples/small.toml`` leads from a page to the file in the repository. The site has a
copy of each file that a page links to, so the same link works in both places and ``mkdocs build --strict`` checks it.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security-policy.md"}
"""Pages at the top of the repository, and where they lie in the site."""
HOME = {"README.md": "index.md"}
"""Pages in whose place the site has another one."""
LINK = re.compile(r"(?<=\]\()(?P<path>[^)\s:#]+)(?P<anchor>#[^)\s]*)?(?=\))")
"""The target of a Markdown link that has no scheme."""


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of ``PAGES``, and each file outside of ``docs/`` that a page links to."""
    for repository, site in PAGES.items():
        if (ROOT / repository).is_file():
            files.append(File.generated(config, site, abs_src_path=str(ROOT / repository)))
    for page in list(files.documentation_pages()):
        for link in LINK.finditer(Path(page.abs_src_path).read_text(encoding="utf-8")):
            target = _in_repository(page.src_uri, link["path"])
            is_outside = not target.startswith("docs/") and target not in PAGES | HOME
            if is_outside and (ROOT / target).is_file() and files.get_file_from_path(target) is None:
                files.append(File.generated(config, target, abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Return the text of a page with its links as they are in the site."""
    here = page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        target = _in_site(_in_repository(here, link["path"]))
        return posixpath.relpath(target, posixpath.dirname(here) or ".") + (link["anchor"] or "")

    return LINK.sub(moved, markdown)


def _in_repository(page: str, link: str) -> str:
    """Return the path in the repository to which a link leads from a page of the site."""
    origin = next((repository for repository, site in PAGES.items() if site == page), f"docs/{page}")
    return posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))


def _in_site(path: str) -> str:
    """Return where a file of the repository lies in the site."""
    return (PAGES | HOME).get(path, path.removeprefix("docs/"))
