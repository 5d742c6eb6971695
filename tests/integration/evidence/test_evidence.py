# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence of real services: whole, without a secret, within its time and size, whatever is broken."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pwd
import subprocess
import sys
import tarfile
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.vendhub.ops.plugins.module_utils._evidence import bundle, collect, gather

from demo.stack.process import clean_environment
from tests.modules import call

from .conftest import CANARY, Site

ROOT = Path(__file__).resolve().parents[3]
BARE: dict[str, t.Any] = {"log_paths": [], "env_files": [], "app_root": "/nowhere", "state_directory": "/nowhere",
                          "nginx_root": "/nowhere", "units": []}


def members(archive: str) -> dict[str, bytes]:
    """The files of a bundle, by their names without the folder they are in."""
    with tarfile.open(archive) as tar:
        files = ((entry.name.partition("/")[2], tar.extractfile(entry)) for entry in tar.getmembers())
        return {name: file.read() for name, file in files if file}


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")
            if "logs" not in path.parts}


def test_a_bundle_tells_everything_but_the_secrets(site: Site) -> None:
    before = tree(site.pm2.home)
    pids = {one.pid for one in site.pm2.family()}
    result = call("evidence", **site.options(name="recover"))
    assert (result["failed"], result["changed"]) == (False, True), result["msg"]
    assert {"kernel", "journal"} >= set(result["incomplete"]), result["incomplete"]
    assert result["seconds"] < 10
    assert tree(site.pm2.home) == before
    assert {one.pid for one in site.pm2.family()} == pids
    found = members(result["archive"])
    # what an operator looks for is there
    (app,) = json.loads(found["pm2.json"])["processes"]
    assert (app["name"], app["status"]) == ("vendhub-api", "online")
    logs = {name: data for name, data in found.items() if name.startswith("logs/")}
    assert [name for name in logs if "vendhub-api-out" in name]
    assert [name for name in logs if "vendhub-api-error" in name]
    assert b"password=*** ok" in b"".join(logs.values())
    assert b"in plain words: *** and" in b"".join(logs.values())
    assert b"sent with ***" in b"".join(logs.values())
    assert json.loads(found["postgresql.json"])["sessions"] >= 1
    names = {row["name"] for row in json.loads(found["postgresql-settings.json"])["settings"]}
    assert {"max_connections", "shared_buffers"} <= names
    assert b"redis_version:" in found["redis-info.txt"]
    assert b"addr=127.0.0.1:" in found["redis-clients.txt"]
    assert f" {site.port} ".encode() in found["ports.txt"]
    assert b"--token *** visible-word" in found["processes.txt"]
    assert b"MemAvailable" in found["memory.txt"]
    assert b"/ " in found["disks.txt"]
    (health,) = json.loads(found["health.json"])
    assert (health["status"], health["body"]) == (200, {"status": "ok", "token": "***"})
    # and no secret is, anywhere
    everything = {**found, "result": json.dumps(result).encode(),
                  "manifest.json beside it": (Path(result["folder"]) / bundle.MANIFEST).read_bytes()}
    said = {k: v for k, v in result.items() if k != "invocation"}
    assert CANARY not in json.dumps(said)
    assert [name for name, data in everything.items() if name != "result" and CANARY.encode() in data] == []


def test_the_manifest_has_the_size_and_hash_of_everything(site: Site) -> None:
    result = call("evidence", **site.options())
    manifest = json.loads((Path(result["folder"]) / bundle.MANIFEST).read_text())
    archive = Path(result["archive"]).read_bytes()
    assert manifest["archive"] == {"name": bundle.ARCHIVE, "bytes": len(archive),
                                   "sha256": hashlib.sha256(archive).hexdigest()}
    assert (result["sha256"], result["bytes"]) == (manifest["archive"]["sha256"], len(archive))
    found = members(result["archive"])
    listed = {file["name"]: (file["bytes"], file["sha256"]) for row in manifest["items"] for file in row["files"]}
    assert listed == {name: (len(data), hashlib.sha256(data).hexdigest()) for name, data in found.items()
                      if name != bundle.MANIFEST}
    modes = [path.stat().st_mode & 0o777 for path in (site.bundles, Path(result["folder"]), Path(result["archive"]))]
    assert modes == [0o700, 0o700, 0o600]


def test_frozen_services_are_named_and_cost_no_more_than_the_time(site: Site) -> None:
    daemon = site.pm2.daemon
    assert daemon
    daemon.freeze()
    site.redis.freeze()
    assert site.postgresql.process
    site.postgresql.process.freeze()
    try:
        started = time.monotonic()
        result = call("evidence", **site.options(timeout_seconds=6, item_seconds=2, health_urls=[]))
        assert time.monotonic() - started < 6
    finally:
        daemon.thaw()
        site.redis.thaw()
        site.postgresql.process.thaw()
    assert not result["failed"], result["msg"]
    assert {"pm2", "redis", "postgresql"} <= set(result["incomplete"])
    assert all("within" in result["incomplete"][name] for name in ("pm2", "redis", "postgresql"))
    found = members(result["archive"])
    assert [name for name in found if "vendhub-api-out" in name], "the logs are found without the daemon"
    assert CANARY.encode() not in b"".join(found.values())


def test_with_everything_down_nothing_is_started_and_the_rest_is_collected(tmp_path: Path) -> None:
    (tmp_path / "pm2").mkdir()
    result = call("evidence", directory=str(tmp_path / "bundles"), pm2={"home": str(tmp_path / "pm2")},
                  redis={"port": 1}, postgresql={"port": 1}, health_urls=["http://127.0.0.1:1/"], **BARE)
    assert {"pm2", "redis", "postgresql", "health"} <= set(result["incomplete"])
    assert list((tmp_path / "pm2").iterdir()) == []
    assert {"host.json", "processes.txt", "memory.txt"} <= set(members(result["archive"]))


def test_check_mode_lists_what_would_be_collected_and_leaves_nothing(site: Site) -> None:
    result = call("evidence", check_mode=True, **site.options())
    assert result["changed"]
    assert {"pm2", "postgresql", "redis", "logs", "processes"} <= set(result["items"])
    assert str(site.bundles) in result["msg"]
    assert not site.bundles.exists()


def test_old_bundles_go_and_nothing_else_does(tmp_path: Path) -> None:
    directory = tmp_path / "bundles"
    for name in ("20200101T000000Z-old", "20200102T000000Z-old", "20200103T000000Z-changed", "mine"):
        (directory / name).mkdir(parents=True)
        (directory / name / bundle.MANIFEST).write_text("{}")
    (directory / "20200103T000000Z-changed/notes.txt").write_text("of a person")
    directory.chmod(0o700)
    result = call("evidence", directory=str(directory), keep=1, **BARE)
    assert sorted(map(os.path.basename, result["removed"])) == ["20200101T000000Z-old", "20200102T000000Z-old"]
    assert {"20200103T000000Z-changed", "mine"} < set(os.listdir(directory))


def test_logs_are_taken_from_their_end_with_what_was_rotated_and_never_from_the_middle_of_a_line(
        tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "app.log").write_text("new\n")
    with gzip.open(logs / "app.log.1.gz", "wt") as packed:
        packed.write("".join(f"old {number}\n" for number in range(100_000)))
    # every length of a line, so that each place where a line may be torn is met
    for number in range(1, 60):
        torn = f"password={CANARY}-torn{'y' * 30}"
        (logs / f"torn{number:02}x.log").write_text(f"{torn}\n{'z' * (1023 - number)}\n")
    (logs / "one-line.log").write_bytes(b"a" * 3_000_000)
    (logs / "binary.log").write_bytes(bytes(range(256)) * 40 + b"\n")
    (logs / "empty.log").write_text("")
    os.mkfifo(logs / "pipe.log")
    options = {**BARE, "log_paths": [str(logs / "*.log"), str(logs / "missing.log")]}
    result = call("evidence", directory=str(tmp_path / "bundles"), log_bytes=1024, **options)
    found = {name.rpartition("_")[2]: data for name, data in members(result["archive"]).items()
             if name.startswith("logs/")}
    app = found["app.log"].decode()
    assert app.index("old 99999\n") < app.index("app.log, 4 bytes") < app.index("\nnew\n")
    assert "longer than the limit" in found["one-line.log"].decode()
    assert not [name for name, data in found.items() if b"torny" in data or CANARY.encode() in data]
    assert "yyy" not in b"".join(found.values()).decode("utf-8", "replace")
    assert "missing.log: the file does not exist" in result["incomplete"]["logs"]
    assert "pipe" in result["incomplete"]["logs"]


def test_the_size_is_kept_by_cutting_and_what_is_cut_is_told(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.log").write_text("".join(f"{number} line {line}\n" for line in range(4000)))
    options = {**BARE, "log_paths": [str(tmp_path / "*.log")], "max_bytes": 256 * 1024}
    result = call("evidence", directory=str(tmp_path / "bundles"), **options)
    found = members(result["archive"])
    assert sum(len(data) for name, data in found.items() if name != bundle.MANIFEST) <= 256 * 1024
    assert any(file["cut"] for row in result["manifest"]["items"] for file in row["files"])
    assert "the limit of size is reached" in result["incomplete"]["logs"]


def test_20_mib_of_logs_full_of_secrets_are_cleaned_within_the_time(tmp_path: Path) -> None:
    line = f'{{"level":"info","msg":"x","password":"{CANARY}"}} Bearer {CANARY}abc https://u:{CANARY}@h/?token={CANARY}\n'
    for number in range(20):
        (tmp_path / f"{number}.log").write_text(line * (1024 * 1024 // len(line)))
    options = {**BARE, "log_paths": [str(tmp_path / "*.log")], "log_bytes": 1024 * 1024}
    started = time.monotonic()
    result = call("evidence", directory=str(tmp_path / "bundles"), **options)
    assert time.monotonic() - started < 15
    assert CANARY.encode() not in b"".join(members(result["archive"]).values())


FULL = """
import json, subprocess, sys
sys.path[:0] = [{root!r}, {root!r} + "/.collections"]
from tests.modules import call
size, mode = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "none", {disk!r}], check=True, timeout=10)
subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True, timeout=10)
if mode == "ro":
    subprocess.run(["mount", "-o", "remount,ro", {disk!r}], check=True, timeout=10)
answer = call("evidence", directory={disk!r} + "/evidence", **{options!r})
with open("/run/vendhub-ops/evidence/" + answer["folder"].rpartition("/")[2] + "/evidence.tar.gz", "rb") as file:
    answer["length"] = len(file.read())
import os
answer["left"] = [os.path.join(top, name) for top, _dirs, names in os.walk({disk!r}) for name in names]
print(json.dumps(answer))
"""


@pytest.mark.parametrize(("size", "mode", "words"), [("8k", "rw", "No space left on device"),
                                                     ("1m", "ro", "Read-only file system")])
def test_on_a_full_or_read_only_disk_it_goes_to_memory_and_says_so(tmp_path: Path, size: str, mode: str,
                                                                   words: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    script = FULL.format(root=str(ROOT), disk=str(disk), options=BARE)
    done = subprocess.run(["unshare", "--map-root-user", "--mount", sys.executable, "-c", script, size, mode],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert not answer["failed"]
    assert words in answer["fallback"]
    assert words in answer["msg"]
    assert answer["archive"].startswith("/run/vendhub-ops/evidence/")
    assert answer["length"] == answer["bytes"]
    assert answer["left"] == [], "nothing half-written stays on the full disk"


def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    place = bundle.save(str(shared), "20260102T030405Z-x", b"tar", {}, 5, elsewhere=str(tmp_path / "elsewhere"))
    assert place.folder.startswith(str(tmp_path / "elsewhere"))
    assert "only this user can write to" in place.why
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize(("options", "words"), [
    ({"name": "../x"}, "name"), ({"keep": 0}, "keep"), ({"timeout_seconds": 1}, "timeout_seconds"),
    ({"max_bytes": 1}, "max_bytes"), ({"units": ["--vacuum-size=1"]}, "units"), ({"units": ["a b"]}, "units"),
])
def test_what_cannot_be_meant_gets_one_sentence(tmp_path: Path, options: dict[str, t.Any], words: str) -> None:
    result = call("evidence", **{"directory": str(tmp_path / "bundles"), **options})
    assert result["failed"]
    assert words in result["msg"]
    assert not (tmp_path / "bundles").exists()


@pytest.fixture
def foreign(tmp_path: Path) -> t.Iterator[tuple[Path, int]]:
    """A folder of the app's user that everybody can reach, and who that is."""
    if os.geteuid():
        pytest.fail("only root reads for others: run it as root")
    with tempfile.TemporaryDirectory(prefix="vh-evidence-", dir="/tmp") as folder:
        path, uid = Path(folder), pwd.getpwnam("nobody").pw_uid
        path.chmod(0o755)
        os.chown(path, uid, -1)
        yield path, uid


def owned(path: Path, uid: int, text: str = "", to: str = "", mode: int = 0o600) -> Path:
    """A file or link that belongs to somebody."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if to:
        path.symlink_to(to)
    else:
        path.write_text(text)
        path.chmod(mode)
    os.chown(path, uid, -1, follow_symlinks=False)
    return path


def taken(result: dict[str, t.Any]) -> str:
    return b"".join(members(result["archive"]).values()).decode("utf-8", "replace")


def test_no_path_of_pm2s_leads_root_to_what_its_user_must_not_read(foreign: tuple[Path, int], tmp_path: Path) -> None:
    folder, uid = foreign
    private = owned(tmp_path / "private", 0, "for root alone\n")
    home = folder / ".pm2"
    owned(home / "logs" / "own.log", uid, "own words\n")
    owned(home / "logs" / "link.log", uid, to=str(private))
    owned(home / "logs" / "owned-link.log", uid, to=str(home / "own2"))
    owned(home / "own2", uid, "words behind a link\n")
    everybodys = owned(folder / "everybodys.log", 0, "for everybody\n", mode=0o644)
    owned(home / "dump.pm2", uid, json.dumps([{"pm_err_log_path": str(private), "pm_out_log_path": str(everybodys)}]))
    os.chown(home, uid, -1)
    result = call("evidence", directory=str(tmp_path / "bundles"), pm2={"home": str(home)}, **BARE)
    said = taken(result)
    assert "own words" in said
    assert "words behind a link" in said
    assert "for everybody" in said
    assert "for root alone" not in said
    assert result["incomplete"]["pm2_logs"].count("it was named by a user who does not own it") == 2
    both = {**BARE, "log_paths": [str(private)]}
    again = call("evidence", directory=str(tmp_path / "bundles"), pm2={"home": str(home)}, **both)
    assert "for root alone" in taken(again), "the operator may name what PM2 may not"


def test_a_link_of_the_apps_user_beside_its_logs_leads_nowhere_else(foreign: tuple[Path, int], tmp_path: Path) -> None:
    folder, uid = foreign
    private = owned(tmp_path / "secret" / "private.log", 0, "for root alone\n")
    owned(folder / "logs" / "own.log", uid, "own words\n")
    owned(folder / "logs" / "link.log", uid, to=str(private))
    owned(folder / "logs" / "own.log.1", uid, to=str(private))
    owned(folder / "logs" / "null.log", uid, to="/dev/null")
    owned(folder / "here", uid, to=str(folder / "logs"))
    owned(folder / "there", uid, to=str(private.parent))
    options = {**BARE, "log_paths": [f"{folder}/{name}/*.log" for name in ("here", "there")]}
    options["log_paths"].append(str(folder / "logs" / "link.log"))
    result = call("evidence", directory=str(tmp_path / "bundles"), **options)
    said = taken(result)
    assert "own words" in said
    assert "for root alone" not in said
    for name in ("link.log", "there/private.log"):
        assert f"{name}: it was named by a user who does not own it" in result["incomplete"]["logs"]
    # what the operator names, and no link of somebody else's leads to, is taken whoever owns it
    (tmp_path / "ours.log").symlink_to(private)
    options = {**BARE, "log_paths": [str(private), str(folder / "logs" / "own.log"), str(tmp_path / "ours.log")]}
    again = call("evidence", directory=str(tmp_path / "bundles"), **options)
    assert "for root alone" in taken(again)
    assert "own words" in taken(again)


def test_the_head_of_a_checkout_is_no_way_to_a_file_of_the_host(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git/HEAD").write_text("ref: refs/x")
    (tmp_path / ".git/refs").mkdir()
    (tmp_path / "private").write_text("for root alone")
    (tmp_path / ".git/refs/x").symlink_to(tmp_path / "private")
    result = call("evidence", directory=str(tmp_path / "bundles"), **{**BARE, "app_root": str(tmp_path)})
    assert "for root alone" not in taken(result)


def test_the_secret_of_a_program_that_was_started_meanwhile_is_known_before_anything_is_cleaned(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "Zebra-Crossing-4711"
    started: list[subprocess.Popen[bytes]] = []

    def late(sink: gather.Sink, _seconds: float) -> None:
        started.append(subprocess.Popen(["/bin/sleep", "60"], env={"SESSION_TOKEN": secret}))
        sink.text("late.txt", f"it says {secret} in plain words\n")

    monkeypatch.setattr(collect, "_items", lambda _options: [gather.Item("late", late)])
    try:
        result = call("evidence", directory=str(tmp_path / "bundles"), **BARE)
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert started
    assert members(result["archive"])["late.txt"] == b"it says *** in plain words\n"
    assert result["items"] == ["secrets", "late"]


def test_what_cannot_be_cleaned_in_time_is_left_out_not_left_in() -> None:
    outcome = gather.Outcome("logs", {"a": "password=x"}, "", 0.1)
    contents, rows = collect._contents([outcome], [], 1 << 20, lambda: True)
    assert contents == {}
    assert "a is left out: there was no time left" in rows[0]["error"]


def test_the_playbook_brings_the_bundles_of_all_hosts_to_one_page(site: Site) -> None:
    play = [{"name": "Save the evidence", "hosts": "all", "gather_facts": False, "tasks": [
        {"name": "Save it", "vendhub.ops.evidence": {**site.options(name="recover"),
                                                     "directory": str(site.folder / "on-{{ inventory_hostname }}"),
                                                     "fetch_to": str(site.folder / "fetched")}}]}]
    (site.folder / "play.yml").write_text(json.dumps(play))
    (site.folder / "hosts").write_text("".join(
        f"{name} ansible_connection=local ansible_python_interpreter={sys.executable}\n" for name in ("app1", "app2")))

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(site.folder / "hosts"),
             str(site.folder / "play.yml"), *arguments], cwd=ROOT, text=True, capture_output=True, timeout=120,
            check=False, stdin=subprocess.DEVNULL,
            env=clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), HOME=os.environ.get("HOME", "/")))
    assert run("--check").returncode == 0
    assert not (site.folder / "fetched").exists()
    done = run("-vvv")
    assert done.returncode == 0, done.stdout + done.stderr
    assert CANARY not in done.stdout + done.stderr
    fetched = sorted((site.folder / "fetched").glob("*/*/evidence.tar.gz"))
    assert [path.parts[-3] for path in fetched] == ["app1", "app2"]
    assert all("pm2.json" in members(str(path)) for path in fetched)
    text = (site.folder / "fetched/index.html").read_text()
    assert all(f"{name}: 20" in text for name in ("app1", "app2"))
    assert CANARY not in text
