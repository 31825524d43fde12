import pytest
from hypothesis import given
from hypothesis import strategies as st

from fand.dispatch import ALL, Grant, Role

NAMES = ["a", "b", "c"]
GRANTS = st.builds(
    Grant, st.frozensets(st.sampled_from(Role)), st.none() | st.frozensets(st.sampled_from(NAMES), max_size=3)
)


def test_everything_is_granted_by_all() -> None:
    assert all(ALL.may(role, shelf) for role in Role for shelf in ("any", None))


def test_nothing_is_granted_without_a_role() -> None:
    grant = Grant(frozenset())
    assert not any(grant.may(role, shelf) for role in Role for shelf in ("any", None))
    assert not any(map(grant.plays, Role))


@pytest.mark.parametrize("role", Role)
def test_every_role_includes_reading_and_no_other(role: Role) -> None:
    grant = Grant(frozenset({role}))
    assert {other for other in Role if grant.may(other, "any")} == {role, Role.READ}


@pytest.mark.parametrize("role", Role)
def test_shelves_limit_every_role(role: Role) -> None:
    grant = Grant(frozenset(Role), frozenset({"a", "b"}))
    assert [shelf for shelf in ("a", "b", "c", "", None) if grant.may(role, shelf)] == ["a", "b"]
    assert grant.plays(role)


@given(GRANTS, GRANTS)
def test_a_grant_covers_another_if_it_allows_all_that_the_other_does(one: Grant, other: Grant) -> None:
    shelves = [*NAMES, "of the future", None]
    allows = all(one.may(role, shelf) or not other.may(role, shelf) for role in Role for shelf in shelves)
    assert one.covers(other) == allows or other.shelves == frozenset()
    assert one.covers(one)
