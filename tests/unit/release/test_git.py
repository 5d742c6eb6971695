# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be given to Git, and what may lie in a release."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._core.errors import BadOption
from ansible_collections.vendhub.ops.plugins.module_utils._release import git, options


@pytest.mark.parametrize("ref", ["--upload-pack=touch /tmp/x", "-x", "a..b", "a b", "HEAD@{1}", "a\nb", "", "x.lock",
                                 "a:b", "^a", "a~1", "a*"])
def test_a_ref_that_git_would_misread_is_refused(ref: str) -> None:
    with pytest.raises(BadOption, match="ref must be"):
        git.checked_ref(ref)


@pytest.mark.parametrize("ref", ["v1.2.3", "main", "feature/a-b", "1.0", "0" * 40, "release_1", "v1+build"])
def test_a_ref_as_people_use_them_is_taken(ref: str) -> None:
    assert git.checked_ref(ref) == ref


@pytest.mark.parametrize(("address", "why"), [
    ("--upload-pack=touch x", "must be the address"), ("", "must be the address"), ("a\nb", "must be the address"),
    ("https://me:hunter2@git.example.org/x.git", "holds a login"),
    ("https://ghp_0123456789abcdef@github.com/example/x.git", "holds a login")])
def test_an_address_that_is_an_option_or_shows_a_password_is_refused(address: str, why: str) -> None:
    with pytest.raises(BadOption, match=why) as refused:
        git.checked_repository(address)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".", "", "..", "a\0b"])
def test_a_path_out_of_the_release_is_refused(path: str) -> None:
    with pytest.raises(BadOption, match="inside of the release"):
        options._inside("path in shared", path)


@pytest.mark.parametrize(("path", "meant"), [("logs", "logs"), ("./a//b/", "a/b"), (".env", ".env")])
def test_a_path_inside_of_the_release_is_taken(path: str, meant: str) -> None:
    assert options._inside("path in shared", path) == meant
