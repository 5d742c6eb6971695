# SPDX-License-Identifier: GPL-3.0-or-later
"""Which folders belong to a release."""

from __future__ import annotations

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._pm2.place import inside


@pytest.mark.parametrize(("place", "folder", "expected"), [
    ("/opt/vendhub", "/opt/vendhub", True),
    ("/opt/vendhub/dist", "/opt/vendhub", True),
    ("/opt/vendhub/dist/releases/x.js", "/opt/vendhub", True),
    ("/opt/vendhub/releases-old", "/opt/vendhub", True),
    ("/opt/vendhub/releases", "/opt/vendhub", False),
    ("/opt/vendhub/releases/R2", "/opt/vendhub", False),
    ("/opt/vendhub/releases/R2/dist", "/opt/vendhub", False),
    ("/opt/vendhub/releases/R2/dist", "/opt/vendhub/releases/R2", True),
    ("/opt/vendhub/releases/R20", "/opt/vendhub/releases/R2", False),
    ("/opt/vendhub2", "/opt/vendhub", False),
    ("/", "/", True), ("/usr", "/", True),
])
def test_what_lies_in_another_release_is_not_inside(place: str, folder: str, expected: bool) -> None:
    assert inside(place, folder) is expected
