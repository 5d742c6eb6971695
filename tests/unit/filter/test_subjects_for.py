# SPDX-License-Identifier: GPL-3.0-or-later
"""Which subjects a host has follows from its groups."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vendhub.ops.plugins.filter.subjects_for import EVERYWHERE, GROUPS, subjects_for
from ansible_collections.vendhub.ops.plugins.module_utils._health.compose import ORDER

ALL = {name: {"timeout_seconds": 1} for name in ORDER}


def test_every_subject_of_the_daily_check_has_a_place() -> None:
    assert {*GROUPS, *EVERYWHERE} == set(ORDER)


@pytest.mark.parametrize(("groups", "subjects"), [
    ([], {"system"}), (["vendhub"], {"system"}), (["api"], {"system", "api", "pm2", "logs"}),
    (["web"], {"system", "certificates", "logs"}), (["redis"], {"system", "redis"}),
    (["postgresql"], {"system", "postgresql", "backups"}), (["monitoring"], {"system", "prometheus"}),
    (["api", "web", "postgresql", "redis", "monitoring"], set(ORDER))])
def test_a_host_has_the_subjects_of_its_groups(groups: list[str], subjects: set[str]) -> None:
    assert set(subjects_for(ALL, groups)) == subjects


@pytest.mark.parametrize(("name", "defaults"), [("redis", {}), ("backups", []), ("system", {})])
def test_an_empty_subject_is_looked_at_with_its_defaults(name: str, defaults: t.Any) -> None:
    assert subjects_for({name: None}, ["redis", "postgresql"]) == {name: defaults}


def test_a_subject_nobody_knows_is_named() -> None:
    with pytest.raises(AnsibleFilterError, match="no subject 'mysql'; known are api, backups"):
        subjects_for({"mysql": {}}, ["postgresql"])


@pytest.mark.parametrize(("subjects", "groups"), [([], []), ({}, "api"), ({}, None)])
def test_what_is_no_dictionary_and_list_is_refused(subjects: t.Any, groups: t.Any) -> None:
    with pytest.raises(AnsibleFilterError, match="wants a dictionary"):
        subjects_for(subjects, groups)
