"""The matrix, and its page in the docs."""

from itertools import pairwise
from pathlib import Path

import pytest

from app.core.actor import Actor, ActorKind
from app.identity.errors import RoleNotGrantable
from app.identity.models import Role
from app.identity.permissions import MATRIX, MEANING, Permission, markdown
from app.identity.roles.grants import Grant
from app.identity.rules import ensure_may_manage

DOCS = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"


def test_the_page_is_current() -> None:
    assert DOCS.read_text(encoding="utf-8") == markdown(), "write app.identity.permissions.markdown() to the page"


def test_every_permission_is_explained_and_given_to_somebody() -> None:
    assert set(MEANING) == set(Permission)
    assert frozenset().union(*MATRIX.values()) == set(Permission)
    assert set(MATRIX) == set(Role)


def test_each_role_may_what_the_next_lower_may() -> None:
    roles = [Role.SUPER_ADMIN, Role.ADMIN, Role.MANAGER, Role.STAFF, Role.CUSTOMER]
    for higher, lower in pairwise(roles):
        assert MATRIX[higher] > MATRIX[lower]
    assert MATRIX[Role.CUSTOMER] == frozenset()
    assert {role for role in Role if Permission.PLATFORM_TENANTS in MATRIX[role]} == {Role.SUPER_ADMIN}


@pytest.mark.parametrize("giver", list(Role))
@pytest.mark.parametrize("role", list(Role))
def test_nobody_gives_a_role_that_allows_more_than_they_may(giver: Role, role: Role) -> None:
    actor = Actor(ActorKind.USER, permissions=frozenset(MATRIX[giver]))
    roles = list(MATRIX)
    if roles.index(role) < roles.index(giver):
        with pytest.raises(RoleNotGrantable):
            ensure_may_manage(actor, Grant(role))
    else:
        ensure_may_manage(actor, Grant(role))
