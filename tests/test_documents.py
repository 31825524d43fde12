"""What README and the pages of docs/ show as configuration is one."""

import re
from pathlib import Path
from textwrap import dedent

import pytest

from fand import drivers
from fand.config import load

ROOT = Path(__file__).parents[1]
FENCED = re.compile(r"^```toml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)|`(docs/[\w./]+|[A-Z]+\.md)`")
DIRECTIVE = re.compile(r"^\.\. code-block:: toml\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)


def whole_examples() -> list[tuple[str, str]]:
    """Every example that describes a shelf or a fan client with all that belongs to it, and where it stands."""
    readme = FENCED.findall((ROOT / "README.md").read_text())
    found = [("README.md", text) for text in readme]
    for page in sorted((ROOT / "docs").glob("*.rst")):
        found += [(page.name, dedent(text)) for text in DIRECTIVE.findall(page.read_text())]
    return [(page, text) for page, text in found if "[curves." in text and "[shelves." in text]


@pytest.mark.parametrize(("page", "text"), whole_examples())
def test_a_whole_example_loads(page: str, text: str, tmp_path: Path) -> None:
    config = tmp_path / "fand.toml"
    config.write_text(text)
    assert load(config, drivers).server is not None


def test_there_are_examples() -> None:
    assert {"README.md", "quickstart.rst"} <= {page for page, _ in whole_examples()}


@pytest.mark.parametrize("page", ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/security.md"])
def test_what_a_page_names_is_there(page: str) -> None:
    named = {link or path for link, path in LINK.findall((ROOT / page).read_text())}
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()
