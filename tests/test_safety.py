"""docs/safety.md is true: every rule stands in it, and the tests and checks that it names as evidence exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "safety.md").read_text()
RULES = [f"S{number}" for number in range(1, 13)] + [f"C{number}" for number in range(1, 4)]

SECTION = re.compile(r"^### ([SC]\d+): .*?$(.*?)(?=^##)", re.MULTILINE | re.DOTALL)
EVIDENCE = re.compile(r"^- (Tests|Virtual machine|Simulation): (.*?)(?=^- |\Z)", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([^`]+)`")
TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)


def names() -> set[str]:
    """The names of all tests."""
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for file in files for name in TEST.findall(file.read_text())}


def checks() -> set[str]:
    """The names of all checks in the virtual machine."""
    lists = (ROOT / "tests" / "vm").glob("*/checks.txt")
    return {line for each in lists for line in each.read_text().splitlines() if not line.startswith("#")}


def invariants() -> str:
    """The simulation, where each invariant that fails is told by its name."""
    return "".join(path.read_text() for path in (ROOT / "tests" / "simulation").glob("*.py"))


def sections() -> dict[str, str]:
    """What the page says of each rule."""
    return dict(SECTION.findall(PAGE))


def evidence(rule: str, kind: str) -> list[str]:
    """What the page names as evidence of that kind for a rule."""
    found = dict(EVIDENCE.findall(sections()[rule])).get(kind, "")
    return [" ".join(name.split()) for name in QUOTED.findall(found)]


def test_every_rule_has_a_section_in_order() -> None:
    assert [rule for rule, _ in SECTION.findall(PAGE)] == RULES


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_told_in_two_sentences(rule: str) -> None:
    told = sections()[rule].strip().split("\n\n")[0]
    assert len(re.findall(r"[.?!](?:\s|\Z)", told)) == 2


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_has_tests_that_bear_its_number_and_the_page_names_some(rule: str) -> None:
    prefix = f"test_{rule.lower()}_"
    named = evidence(rule, "Tests")
    assert any(name.startswith(prefix) for name in named)
    assert {name for name in named if name.startswith(prefix)} <= names()


def test_every_test_check_and_invariant_that_is_named_exists() -> None:
    words = {" ".join(word.split()) for word in QUOTED.findall(PAGE)}
    assert {word for word in words if word.startswith("test_")} <= names()
    assert {name for rule in RULES for name in evidence(rule, "Virtual machine")} <= checks()
    simulation = invariants()
    assert all(f'"{name}"' in simulation for rule in RULES for name in evidence(rule, "Simulation"))


def test_no_test_bears_the_number_of_a_rule_that_does_not_exist() -> None:
    numbers = {match[1].upper() for name in names() if (match := re.match(r"test_([sc]\d+)_", name))}
    assert numbers <= set(RULES)
