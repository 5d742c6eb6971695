# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# This module util is private to the collection.
"""Read an ecosystem file as PM2 does (it is a program), and lay a few settings over it without touching it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
import typing as t

from .._core.errors import BadOption, CannotLook
from .._core.redact import redact
from .definition import Definition, definition
from .owner import Hand

KINDS = re.compile(r"\.json$|\.ya?ml$|\.config\.[cm]?js$")
MARK = "vendhub-ops-ecosystem:"
MAX_BYTES = 4 * 1024 * 1024

# load() and the rules for instances and exec_mode are those of PM2's lib/Common.js and lib/God.js
_LOAD = """
const fs = require('fs'), os = require('os'), path = require('path'), vm = require('vm');
function load(file, pm2) {
  if (/\\.json$/.test(file)) return vm.runInThisContext('(' + fs.readFileSync(file, 'utf8') + ')', {filename: file});
  if (/\\.ya?ml$/.test(file)) {
    return require(require.resolve('js-yaml', {paths: [pm2]})).load(fs.readFileSync(file, 'utf8'));
  }
  return require(file);
}
function apps(config) {
  const list = config.apps || config.pm2 || config;
  return Array.isArray(list) ? list : [list];
}
function script(app) { return app.script || app.cmd || app.command; }
function name(app) { return String(app.name || path.basename(script(app)).replace(/\\.[^.]*$/, '')); }
"""
_PRINT = """
function reduced(app, label) {
  const cwd = path.resolve(app.cwd || '.'), given = app.instances;
  let count = given === 'max' ? 0 : typeof given === 'string' ? parseInt(given) || 0 : given;
  const interpreter = app.interpreter || app.exec_interpreter || (/\\.[cm]?js$/.test(script(app)) ? 'node' : '');
  const many = count >= 1 || count === 0 || count === -1;
  const mode = app.exec_mode ? app.exec_mode.replace(/_mode$/, '') : many && /node$/.test(interpreter) ? 'cluster'
    : 'fork';
  if (count === undefined) count = 1;
  if (count <= 0) count = Math.max(1, count + os.cpus().length);
  const all = {...app.env, ...(label ? app['env_' + label] : {})};
  if (app.port) all.PORT = app.port;
  const environment = {};
  for (const key of Object.keys(all)) {
    if (key === app.increment_var || all[key] === undefined || all[key] === null) continue;
    environment[key] = typeof all[key] === 'object' ? JSON.stringify(all[key]) : String(all[key]);
  }
  const file = path.resolve(cwd, script(app));
  return {name: name(app), script: file, cwd, exec_mode: mode, instances: count, environment,
    exists: fs.existsSync(file), labelled: !label || ('env_' + label) in app,
    max_memory_restart: app.max_memory_restart, wait_ready: app.wait_ready, listen_timeout: app.listen_timeout,
    kill_timeout: app.kill_timeout};
}
const [mark, file, pm2, label] = process.argv.slice(1);
function say(value) { process.stdout.write('\\n' + mark + JSON.stringify(value) + '\\n'); }
try {
  const list = apps(load(file, pm2));
  if (list.some(app => !app || typeof app !== 'object' || typeof script(app) !== 'string'))
    throw new Error('an app in it has no script');
  say({apps: list.map(app => reduced(app, label))});
} catch (problem) {
  const error = problem instanceof Error ? problem : new Error(String(problem));
  const first = String(error.stack).split('\\n')[0];
  say({error: error.name + ': ' + error.message.split('\\n')[0], where: /:\\d+$/.test(first) ? first : ''});
}
"""
_OVERLAY = """
const config = load({file}, {pm2}), over = {over};
const list = apps(config).map(app => name(app) in over ? {{...app, ...over[name(app)]}} : app);
module.exports = {{...(config.deploy ? {{deploy: config.deploy}} : {{}}), apps: list}};
"""


def read(hand: Hand, file: str, label: str) -> dict[str, Definition]:
    """The apps that an ecosystem file defines, in its order; BadOption tells in one line what is wrong with it."""
    if not KINDS.search(os.path.basename(file)):
        raise BadOption(f"{file}: PM2 takes a file for an ecosystem only when its name ends in .config.js, .config.cjs,"
                        " .config.mjs, .json, .yml or .yaml")
    if not os.path.isfile(file):
        raise BadOption(f"the ecosystem file {file} is not on this host")
    rows = _rows(hand, file, label)
    if not rows:
        raise BadOption(f"the ecosystem file {file} defines no app")
    if not any(row["labelled"] for row in rows):
        raise BadOption(f"the ecosystem file {file} has no env_{label} for any app")
    missing = [row for row in rows if not row["exists"]]
    if missing:
        raise BadOption(f"the app {missing[0]['name']} of {file}: its script {missing[0]['script']} is not there")
    return {str(row["name"]): definition(row) for row in rows}


@contextlib.contextmanager
def overlaid(hand: Hand, file: str, over: t.Mapping[str, t.Mapping[str, t.Any]]) -> t.Iterator[str]:
    """The file to give to PM2: this one, or for a while one that loads it and changes a few settings."""
    if not any(over.values()):
        yield file
        return
    folder = tempfile.mkdtemp(prefix="vendhub-ops-")
    try:
        path = os.path.join(folder, "ecosystem.config.cjs")
        text = _LOAD + _OVERLAY.format(file=json.dumps(file), pm2=json.dumps(os.path.dirname(hand.program)),
                                       over=json.dumps(over))
        with open(path, "w", encoding="utf-8") as draft:
            draft.write(text)
        os.chmod(path, 0o600)
        if os.geteuid() != hand.owner.uid:
            os.chown(path, hand.owner.uid, hand.owner.gid)
            os.chown(folder, hand.owner.uid, hand.owner.gid)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _rows(hand: Hand, file: str, label: str) -> list[dict[str, t.Any]]:
    arguments = [hand.node, "-e", _LOAD + _PRINT, MARK, file, os.path.dirname(hand.program), label]
    output = hand.run(arguments, os.path.dirname(file))
    said = [line for line in output.out[-MAX_BYTES:].decode("utf-8", "replace").splitlines() if line.startswith(MARK)]
    if not said:
        raise CannotLook(f"the ecosystem file {file} could not be read as {hand.owner.name}:"
                         f" node ended with {output.code} and said nothing of its apps")
    answer = json.loads(said[-1][len(MARK):])
    if "error" in answer:
        where = answer["where"] or file
        raise BadOption(f"the ecosystem file {file} is broken: {redact(answer['error'])[:300]} ({redact(where)})")
    rows: list[dict[str, t.Any]] = answer["apps"]
    return rows
