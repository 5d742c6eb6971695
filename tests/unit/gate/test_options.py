# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gate's options are said to be is what they are, in both modules that have them."""

from __future__ import annotations

import typing as t

import pytest
import yaml
from ansible_collections.vendhub.ops.plugins.doc_fragments.gate import ModuleDocFragment
from ansible_collections.vendhub.ops.plugins.module_utils._gate.options import GATE
from ansible_collections.vendhub.ops.plugins.modules import pm2_app, stability_gate


def options(text: str) -> dict[str, t.Any]:
    found: dict[str, t.Any] = yaml.safe_load(text)["options"]
    return found


@pytest.mark.parametrize("documented", [options(ModuleDocFragment.DOCUMENTATION),
                                        options(ModuleDocFragment.APP)["gate"]["suboptions"]])
def test_the_fragment_documents_the_options_that_the_gate_takes(documented: dict[str, t.Any]) -> None:
    said = {name: {key: value for key, value in option.items() if key != "description"}
            for name, option in documented.items()}
    assert said == GATE
    for option in documented.values():
        assert all(isinstance(line, str) for line in ([option["description"]] if isinstance(option["description"], str)
                                                      else option["description"])), option


def test_both_modules_take_the_text_from_the_fragment() -> None:
    for module, fragment in ((stability_gate, "vendhub.ops.gate"), (pm2_app, "vendhub.ops.gate.app")):
        assert fragment in yaml.safe_load(module.DOCUMENTATION)["extends_documentation_fragment"]
        assert "watch_seconds:" not in module.DOCUMENTATION
