# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filter writes is what dotenv's own rules, and Node.js, read back."""

from __future__ import annotations

import itertools
import json
import random
import re
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vendhub.ops.plugins.filter.dotenv import dotenv

from demo.stack import node

# The rules of dotenv 16 and 17 (lib/main.js), to be run by the Node.js that is there.
DOTENV = r"""
const LINE = new RegExp(String.raw`(?:^|^)\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)`
  + String.raw`(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*\`(?:\\\`|[^\`])*\`|[^#\r\n]+)?\s*(?:#.*)?(?:$|$)`, 'mg');
function dotenv(source) {
  const read = {};
  for (const match of source.replace(/\r\n?/mg, '\n').matchAll(LINE)) {
    let value = (match[2] || '').trim();
    const quote = value[0];
    value = value.replace(/^(['"`])([\s\S]*)\1$/mg, '$2');
    read[match[1]] = quote === '"' ? value.replace(/\\n/g, '\n').replace(/\\r/g, '\r') : value;
  }
  return read;
}
const files = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(files.map(text => [dotenv(text), require('util').parseEnv(text)])));
"""

VALUES = ["", "3000", "two words", " spaces around ", "a#b", "# all of it", "it's", 'say "hi"', "`run`", "${PATH}",
          "$HOME and more", "line one\nline two", "ends with a line break\n",
          "C:\\new\\table", "ends with a backslash\\",
          "a'b\"c", "a'b\"c`d", "a'b`c\nd",
          "p@ss=w:rd/+%&?~", "=", "'", '"', "привет, oʻzbek", "a\\'b", 'a\\"b', "x'\nY='z",
          "postgresql://vendhub:p%40ss@db1/vendhub_prod?sslmode=require", "{\"json\": [1, 2]}", "\ttab\t", "a;b|c>d"]
REFUSED = ["a\rb", "nul\0", "'\"` and #", "all '\"`\nand lines", "#\\"]
ALPHABET = "ab01 \t\n'\"`#$\\=:.-{}é"


def read_back(files: t.Sequence[str]) -> list[list[dict[str, str]]]:
    """What dotenv and Node.js itself read in each of the files."""
    done = subprocess.run([str(node.node()), "-e", DOTENV], input=json.dumps(files), capture_output=True, text=True,
                          timeout=60, check=True)
    answers: list[list[dict[str, str]]] = json.loads(done.stdout)
    return answers


def test_every_value_comes_back_alone_and_among_all_the_others() -> None:
    sets = [{"VALUE": value, "NEXT": "untouched"} for value in VALUES]
    sets.append({f"V{place}": value for place, value in enumerate(VALUES)})
    answers = read_back([dotenv(variables) for variables in sets])
    for variables, answer in zip(sets, answers):
        assert answer == [variables, variables]


def test_whatever_is_written_comes_back_and_little_is_refused() -> None:
    dice = random.Random(20)
    values = ["".join(dice.choices(ALPHABET, k=dice.randrange(12))) for dummy in range(4000)]
    written, refused = [], 0
    for pair in itertools.zip_longest(values[::2], values[1::2], fillvalue=""):
        variables = dict(zip(("A", "B"), pair))
        try:
            written.append((variables, dotenv(variables)))
        except AnsibleFilterError:
            refused += 1
    assert refused < len(values) / 8
    for (variables, text), answer in zip(written, read_back([text for dummy, text in written])):
        assert answer == [variables, variables], text


def test_numbers_and_booleans_become_words() -> None:
    assert dotenv({"PORT": 3000, "RATE": 0.5, "DEBUG": False}) == "PORT=3000\nRATE=0.5\nDEBUG=false"


def test_nothing_is_no_line() -> None:
    assert dotenv({}) == ""


@pytest.mark.parametrize("value", REFUSED)
def test_a_value_that_cannot_be_written_is_refused_without_being_shown(value: str) -> None:
    with pytest.raises(AnsibleFilterError, match="the value of SECRET cannot be written") as refusal:
        dotenv({"SECRET": value})
    assert value not in str(refusal.value)


@pytest.mark.parametrize(("variables", "words"), [
    ({"A B": "x"}, "'A B' is no name of a variable"),
    ({"1A": "x"}, "is no name of a variable"),
    ({3: "x"}, "is no name of a variable"),
    ({"A": None}, "A must be a text, a number or a boolean, not NoneType"),
    ({"A": ["x"]}, "A must be a text, a number or a boolean, not "),
    ("A=x", "wants a dictionary of variables, not str"),
])
def test_what_is_no_variable_is_refused(variables: t.Any, words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=re.escape(words)):
        dotenv(variables)
