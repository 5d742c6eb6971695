# SPDX-License-Identifier: GPL-3.0-or-later
"""The web side of provisioning, on a real host: nginx, a certificate from a real ACME server, renewal, maintenance."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
import typing as t
from pathlib import Path

import pytest
import yaml

from demo.stack.process import clean_environment
from tests.lab import Host, Lab
from tests.lab.acme import Acme
from tests.lab.machine import run as machine_run

ROOT = Path(__file__).resolve().parents[2]
NAME, OTHER = "api.vendhub.test", "www.vendhub.test"
LIVE = f"/etc/letsencrypt/live/{NAME}"
FLAG = "/var/lib/vendhub-maintenance/on"
SITE = "/etc/nginx/conf.d/vendhub.conf"
SNIPPET = "/etc/nginx/conf.d/zz-broken.conf"
UNIT = "vendhub-certificate.service"
SECRET = "canary-of-the-bypass-0123456789"
PLAYBOOK = [{
    "name": "Provision the web side", "hosts": "web", "gather_facts": False, "become": True,
    "roles": [{"role": f"vendhub.ops.{role}", "tags": role} for role in ("reverse_proxy", "certbot", "reverse_proxy")],
}]
STAND_IN = '''
"""Stands in for the app: answers every request with what it got."""
import http.server, json

class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        got = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"status": "ok", "path": self.path, **got}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Powered-By", "stand-in")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET
    log_message = lambda *words: None

http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Echo).serve_forever()
'''
LISTENER = "import socket, time; s = socket.socket(); s.bind(('0.0.0.0', 8443)); s.listen(); time.sleep(600)"


class Run(t.NamedTuple):
    """How a run of a playbook ended: its exit code, and all it printed."""

    code: int
    screen: str

    def recap(self, word: str) -> int:
        found = re.search(rf"^web1 .*\b{word}=(\d+)", self.screen, re.MULTILINE)
        assert found, self.screen[-3000:]
        return int(found[1])

    @property
    def changes(self) -> list[str]:
        """What changed something: the task, and the item."""
        found, task = [], ""
        for line in self.screen.splitlines():
            task = line if line.startswith(("TASK", "RUNNING HANDLER")) else task
            found += [f"{task.strip(' *')}: {line}"] if line.startswith("changed:") else []
        return found

    @property
    def message(self) -> str:
        """What the last failure said."""
        found = re.findall(r"^    msg: (.+?)(?=\n    \w|\n\S|\n\n|\Z)", self.screen.split("FAILED!")[-1],
                           re.MULTILINE | re.DOTALL)
        assert found, self.screen[-3000:]
        return " ".join(found[0].split()).strip("'\"")


class Answer(t.NamedTuple):
    """What came back from the web server."""

    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def json(self) -> dict[str, t.Any]:
        value: dict[str, t.Any] = json.loads(self.body)
        return value


class Site:
    """One web host, what it is given, and the ways to look at it."""

    def __init__(self, lab: Lab, acme: Acme, folder: Path) -> None:
        self.lab, self.acme, self.host = lab, acme, lab["web1"]
        self.folder = folder
        self.playbook = folder / "web.yml"
        self.playbook.write_text(yaml.safe_dump(PLAYBOOK))
        self.variables: dict[str, t.Any] = {
            "reverse_proxy_server_names": [NAME],
            "reverse_proxy_trusted_proxies": [acme.gateway],  # the tests ask from there; client1 is a stranger
            "reverse_proxy_hsts_seconds": 300,
            "reverse_proxy_login_requests_per_minute": 2,
            "reverse_proxy_login_burst": 1,
            "reverse_proxy_maintenance_bypass_secret": SECRET,
            "certbot_names": [NAME],
            "certbot_agree_tos": True,
            "certbot_directory_url": acme.directory,
            "certbot_ca_path": "/etc/ssl/lab-acme.pem",
            "vendhub_certificates": [{"server": NAME, "address": "127.0.0.1", "path": f"{LIVE}/fullchain.pem",
                                      "ca_path": "/etc/ssl/lab-issuer.pem"}],
        }
        self.host.write("/etc/ssl/lab-acme.pem", acme.ca.read_text())
        self.host.write("/etc/ssl/lab-issuer.pem", acme.issuer.read_text())
        self.host.write("/opt/stand-in.py", STAND_IN)
        self.host.run(["systemd-run", "--unit=stand-in", "python3", "/opt/stand-in.py"])

    def run(self, *words: str, playbook: str = "", on: str = "web1", **changed: t.Any) -> Run:
        """Run the playbook, or one of ours, with these variables changed."""
        inventory = self.lab.inventory({"vendhub": [on], "web": [on]}, self.variables | changed)
        inventory.chmod(0o600)
        program = Path(sys.executable).with_name("ansible-playbook")
        environment = clean_environment(ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"), ANSIBLE_NOCOLOR="1",
                                        ANSIBLE_COLLECTIONS_PATH=str(ROOT / ".collections"))
        plays = str(ROOT / "playbooks" / playbook) if playbook else str(self.playbook)
        done = subprocess.run([str(program), "-i", str(inventory), plays, *words], cwd=self.folder,
                              capture_output=True, text=True, timeout=600, check=False, env=environment)
        assert SECRET not in done.stdout + done.stderr
        return Run(done.returncode, done.stdout + done.stderr)

    def ask(self, path: str = "/", *, scheme: str = "https", method: str = "GET", name: str = NAME,
            **headers: str) -> Answer:
        """One request on a connection of its own; a certificate that is not trusted is an error."""
        address = self.host.address
        if scheme == "https":
            context = ssl.create_default_context(cafile=str(self.acme.issuer))
            raw: socket.socket = context.wrap_socket(socket.create_connection((address, 443), 5), server_hostname=name)
        else:
            raw = socket.create_connection((address, 80), 5)
        connection = http.client.HTTPConnection(name)
        connection.sock = raw
        with contextlib.closing(connection):
            given = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, path, headers={"Host": name, "Connection": "close", **given})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())

    def served(self) -> bytes:
        """The certificate that is served, whoever signed it."""
        context = ssl.create_default_context(cafile=str(self.acme.issuer))
        with socket.create_connection((self.host.address, 443), 5) as plain, \
                context.wrap_socket(plain, server_hostname=NAME) as tls:
            return tls.getpeercert(binary_form=True) or b""

    def stored(self) -> bytes:
        return ssl.PEM_cert_to_DER_cert(self.host.read(f"{LIVE}/cert.pem"))

    def workers(self) -> list[str]:
        return sorted(self.host.run(["pgrep", "-u", "www-data", "nginx"]).stdout.split())

    def files(self) -> str:
        """All that the roles could touch, with owner, mode and content; not what certbot notes for itself."""
        places = ["/etc/nginx", "/etc/letsencrypt/renewal-hooks", "/etc/letsencrypt/live", "/etc/systemd/system",
                  "/usr/local", "/var/lib/vendhub-maintenance", "/var/www"]
        there = [place for place in places if not self.host.run(["test", "-e", place], check=False).returncode]
        listing = self.host.run(["find", *there, "-printf", "%p %u %g %m %l\\n"]).stdout
        sums = self.host.run(["find", *there, "-type", "f", "-exec", "sha256sum", "{}", "+"]).stdout
        return "\n".join(sorted(listing.splitlines()) + sorted(sums.splitlines()))

    def last_request(self) -> dict[str, t.Any]:
        line = self.host.run(["tail", "-n", "1", "/var/log/nginx/vendhub-access.log"]).stdout
        value: dict[str, t.Any] = json.loads(line)
        return value


class First(t.NamedTuple):
    """The first runs, on a host that was bare."""

    site: Site
    dry: Run
    before: str
    after_dry: str
    first: Run
    second: Run


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[First]:
    with Lab("web-host", ["web1", "client1"]) as lab:
        acme = lab.acme()
        acme.resolve({NAME: lab["web1"].address, OTHER: lab["web1"].address})
        site = Site(lab, acme, tmp_path_factory.mktemp("web"))
        before = site.files()
        dry = site.run("--check", "--diff")
        after_dry = site.files()
        yield First(site, dry, before, after_dry, site.run(), site.run())


@pytest.fixture
def site(first: First) -> Site:
    assert first.first.code == 0, first.first.screen[-3000:]
    return first.site


class Prober:
    """Asks 20 times in a second, each time on a new connection, until the ``with`` ends."""

    def __init__(self, site: Site, scheme: str) -> None:
        self.asked, self.failed = 0, []  # type: int, list[str]
        self._site, self._scheme, self._over = site, scheme, threading.Event()
        self._thread = threading.Thread(target=self._probe)

    def _probe(self) -> None:
        while not self._over.wait(0.05):
            self.asked += 1
            try:
                status = self._site.ask("/health", scheme=self._scheme).status
            except OSError as exc:
                self.failed.append(repr(exc))
            else:
                if status != 200:
                    self.failed.append(str(status))

    def __enter__(self) -> Prober:
        self._thread.start()
        return self

    def __exit__(self, *dummy: object) -> None:
        self._over.set()
        self._thread.join(20)


@contextlib.contextmanager
def cut_off(host: Host, verdict: str = "reject") -> t.Iterator[None]:
    """No way out to any package source, which says so or says nothing; the controller still reaches the host."""
    rules = "table inet cut { chain out { type filter hook output priority 0;" \
            f' ct state established accept; oifname != "lo" {verdict}; }}; }}'
    inside = ["ip", "netns", "exec", host.machine, "nft"]
    machine_run([*inside, "-f", "-"], input=rules)
    try:
        yield
    finally:
        machine_run([*inside, "delete", "table", "inet", "cut"])


@contextlib.contextmanager
def maintenance(host: Host) -> t.Iterator[None]:
    host.run(["touch", FLAG])
    try:
        yield
    finally:
        host.run(["rm", "-f", FLAG])


@contextlib.contextmanager
def broken_snippet(host: Host) -> t.Iterator[None]:
    host.write(SNIPPET, "no_such_directive on;\n")
    try:
        yield
    finally:
        host.run(["rm", "-f", SNIPPET])


# from a bare host


def test_a_dry_run_on_a_bare_host_tells_what_would_be_and_changes_nothing(first: First) -> None:
    assert first.dry.code == 0, first.dry.screen[-3000:]
    assert first.after_dry == first.before
    assert "nginx would be installed" in first.dry.screen
    assert f"server_name {NAME};" in first.dry.screen
    assert f"{first.site.acme.directory} would be asked for a certificate for {NAME}" in first.dry.screen


def test_a_package_source_out_of_reach_is_told_in_one_sentence(first: First) -> None:
    with cut_off(first.site.lab["client1"]):
        refused = first.site.run("--tags", "reverse_proxy", on="client1")
    assert refused.code == 2
    assert "client1: nginx could not be installed" in refused.message
    assert "see that the host reaches its package source and has space, then run again" in refused.message
    assert first.site.lab["client1"].run(["test", "-e", "/etc/nginx"], check=False).returncode == 1


@pytest.mark.parametrize("role", ["reverse_proxy", "certbot"])
def test_a_package_source_that_never_answers_is_told_in_time(first: First, role: str) -> None:
    limit: dict[str, t.Any] = {f"{role}_install_timeout_seconds": 8}
    first.site.lab["client1"].write("/etc/ssl/lab-acme.pem", first.site.acme.ca.read_text())
    with cut_off(first.site.lab["client1"], "drop"):
        began = time.monotonic()
        refused = first.site.run("--tags", role, on="client1", **limit)
    first.site.lab["client1"].run(["pkill", "apt"], check=False)  # it waits still, and holds apt's lock
    assert refused.code == 2
    assert time.monotonic() - began < 60
    assert re.match(r"client1: (nginx|certbot) could not be installed \(.*[Tt]imed out after 8 sec.*\); see",
                    refused.message)


def test_the_second_run_changes_nothing(first: First) -> None:
    assert first.first.code == 0, first.first.screen[-3000:]
    assert first.second.code == 0, first.second.screen[-3000:]
    assert first.second.recap("changed") == 0, first.second.screen


def test_one_run_ends_with_the_app_behind_a_trusted_certificate(site: Site) -> None:
    answer = site.ask("/api/v1/things?x=1")
    assert (answer.status, answer.json["path"]) == (200, "/api/v1/things?x=1")
    assert site.served() == site.stored()
    assert answer.headers["Strict-Transport-Security"] == "max-age=300"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Powered-By"] is None
    assert answer.headers["Server"] == "nginx", "no version"


def test_http_goes_to_https_but_not_the_health_page(site: Site) -> None:
    answer = site.ask("/a?b=c", scheme="http")
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{NAME}/a?b=c")
    assert site.ask("/health", scheme="http").status == 200
    assert site.ask("/health/live", scheme="http").status == 200
    assert site.ask("/a", scheme="http", X_Forwarded_Proto="https").status == 200, "a trusted proxy had https"


def test_an_unknown_name_gets_no_answer(site: Site) -> None:
    with pytest.raises(http.client.RemoteDisconnected):
        site.ask("/", scheme="http", name="elsewhere.test")
    with pytest.raises(http.client.RemoteDisconnected):
        site.ask("/configuration", scheme="http", name="vendhub-ops.invalid")


def test_logins_are_limited_by_address(site: Site) -> None:
    path = "/api/v1/auth/login"
    answers = [site.ask(path, method="POST", X_Forwarded_For="198.51.100.9").status for dummy in range(4)]
    assert answers == [200, 200, 429, 429]
    assert site.ask(path, method="POST", X_Forwarded_For="198.51.100.10").status == 200
    for other in (f"{path}/", "/API/v1/Auth/Login"):  # the same page to the application
        assert site.ask(other, method="POST", X_Forwarded_For="198.51.100.9").status == 429


def test_the_real_client_address_reaches_app_and_log_but_never_a_forged_one(site: Site) -> None:
    answer = site.ask("/trusted?token=canary", X_Forwarded_For="192.0.2.1, 203.0.113.7", X_Request_Id="of-the-balancer")
    assert answer.json["x-forwarded-for"] == "203.0.113.7"
    assert answer.json["x-request-id"] == answer.headers["X-Request-Id"] == "of-the-balancer"
    line = site.last_request()
    assert (line["client"], line["peer"], line["path"]) == ("203.0.113.7", site.acme.gateway, "/trusted")
    assert float(line["upstream_seconds"]) >= 0

    stranger = site.lab["client1"]
    said = stranger.run(["curl", "-sk", "--max-time", "5", "-H", "X-Forwarded-For: 203.0.113.7",
                         "-H", "X-Forwarded-Proto: http", "-H", "X-Request-Id: mine", "--resolve",
                         f"{NAME}:443:{site.host.address}", f"https://{NAME}/forged"]).stdout
    got = json.loads(said)
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == (stranger.address, "https")
    assert got["x-request-id"] != "mine"
    assert site.last_request()["client"] == stranger.address


# maintenance


def test_the_switch_needs_no_reload_and_says_503_in_the_reader_s_language(site: Site) -> None:
    workers = site.workers()
    assert site.ask().status == 200
    with maintenance(site.host):
        closed = site.ask(Accept="text/html")
        assert (closed.status, closed.headers["Retry-After"]) == (503, "300")
        assert closed.headers["Cache-Control"] == "no-store"
        assert closed.headers.get_all("X-Request-Id") == [site.last_request()["request_id"]]
        for name in ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Strict-Transport-Security"):
            assert closed.headers[name], name
            assert closed.headers.get_all(name) == site.ask("/health").headers.get_all(name), name
        for languages, lang in (("ru-RU,ru;q=0.9,en;q=0.8", "ru"), ("uz,ru;q=0.5", "uz"), ("de,uz-Latn;q=0.8", "uz"),
                                ("de", "en"), ("en-GB,ru;q=0.5", "en"), ("", "en")):
            page = site.ask(Accept="text/html", Accept_Language=languages)
            assert page.status == 503
            assert f'<html lang="{lang}">' in page.body, languages
        for answer in (site.ask(Accept="application/json"), site.ask("/api/v1/tasks", method="POST", Accept="*/*")):
            assert (answer.status, answer.json["statusCode"], answer.headers["Retry-After"]) == (503, 503, "300")
        assert site.ask("/health").status == 200
        assert site.workers() == workers
    assert site.ask().status == 200
    assert site.workers() == workers


def test_operators_pass_by_with_the_secret_and_nobody_without(site: Site) -> None:
    with maintenance(site.host):
        assert site.ask(X_Vendhub_Bypass=SECRET).status == 200
        assert site.ask(Cookie=f"vendhub_bypass={SECRET}").status == 200
        assert "x-vendhub-bypass" not in site.ask(X_Vendhub_Bypass=SECRET).json, "it goes no further"
        for sent, left in (("vendhub_bypass={}", None), ("vendhub_bypass={}; a=1", "a=1"),
                           ("a=1; vendhub_bypass={}", "a=1"), ("a=1; vendhub_bypass={}; b=2; c=3", "a=1; b=2; c=3"),
                           ("a=1;VENDHUB_BYPASS={};b=2", "a=1; b=2"),
                           ("a=1; vendhub_bypass={0}; vendhub_bypass={0}", None)):
            assert site.ask(Cookie=sent.format(SECRET)).json.get("cookie") == left, sent
    assert site.ask(Cookie="a=1; my_vendhub_bypass=x").json["cookie"] == "a=1; my_vendhub_bypass=x"
    with maintenance(site.host):
        for wrong in (SECRET.upper(), SECRET[:-1], SECRET + "0", "pass", ""):
            assert site.ask(X_Vendhub_Bypass=wrong).status == 503, wrong
    readable = site.host.run(["grep", "-rlF", SECRET, "/etc", "/var/log", "/var/lib", "/usr/local"], check=False).stdout
    assert readable.split() == ["/etc/nginx/vendhub/bypass.conf"]
    assert site.host.run(["stat", "-c", "%a %U", *readable.split()]).stdout == "640 root\n"


def test_challenges_are_answered_during_maintenance(site: Site) -> None:
    site.host.write("/var/www/letsencrypt/.well-known/acme-challenge/probe", "here")
    with maintenance(site.host):
        assert site.ask("/.well-known/acme-challenge/probe", scheme="http").body == "here"
    site.host.run(["rm", "/var/www/letsencrypt/.well-known/acme-challenge/probe"])


# renewal


def test_a_forced_renewal_is_served_without_one_failed_request(site: Site) -> None:
    before = site.served()
    with Prober(site, "http") as plain, Prober(site, "https") as tls:
        ran = site.run(playbook="renew_certificates.yml", vendhub_renew_force=True)
    assert ran.code == 0, ran.screen[-3000:]
    assert ran.recap("changed") == 1
    assert site.served() == site.stored() != before
    assert min(plain.asked, tls.asked) > 40
    assert plain.failed + tls.failed == []


def test_what_is_not_due_is_not_renewed_and_check_mode_only_looks(site: Site) -> None:
    before = site.stored()
    for words in ((), ("--check",)):
        ran = site.run(*words, playbook="renew_certificates.yml")
        assert (ran.code, ran.recap("changed")) == (0, 0), ran.screen[-3000:]
    assert site.stored() == before


def test_a_renewal_that_nginx_cannot_load_leaves_a_trace_and_the_old_one_served(site: Site) -> None:
    before = site.served()
    with broken_snippet(site.host):
        renewed = site.host.run(["env", "REQUESTS_CA_BUNDLE=/etc/ssl/lab-acme.pem", "certbot", "renew", "--quiet",
                                 "--force-renewal", "--no-random-sleep-on-renew"], timeout=120)
        assert renewed.returncode == 0, "certbot says nothing of a hook that failed"
        assert site.host.run(["systemctl", "is-failed", UNIT], check=False).stdout == "failed\n"
        assert site.served() == before != site.stored()
        looked = site.run("--check", playbook="renew_certificates.yml")
        assert looked.code != 0
        assert "the server did not load it" in looked.screen
        ran = site.run(playbook="renew_certificates.yml")
        assert ran.code != 0
        assert "on disk but not served" in ran.message
        assert 'unknown directive "no_such_directive"' in ran.message
        assert site.served() == before
    assert site.run(playbook="renew_certificates.yml").code == 0
    assert site.served() == site.stored() != before
    assert site.host.run(["systemctl", "is-failed", UNIT], check=False).stdout != "failed\n"


def test_the_timer_s_own_renewal_knows_the_authority_and_loads_the_certificate(site: Site) -> None:
    before = site.served()
    conf = f"/etc/letsencrypt/renewal/{NAME}.conf"
    site.host.run(["sed", "-i", "1i renew_before_expiry = 3000 days", conf])
    site.host.run(["systemctl", "start", "certbot.service"], timeout=180)
    site.host.run(["sed", "-i", "/renew_before_expiry = 3000/d", conf])
    assert site.served() == site.stored() != before
    assert site.host.run(["systemctl", "is-enabled", "certbot.timer"]).stdout == "enabled\n"


# what goes wrong


def test_a_broken_configuration_is_taken_back_and_told(site: Site) -> None:
    before = site.files()
    with broken_snippet(site.host):
        ran = site.run("--tags", "reverse_proxy", reverse_proxy_client_max_body_bytes=1000)
    assert ran.code != 0
    assert re.match(r'nginx on web1 refuses the configuration, so it was not put in its place and what was served'
                    r' still is: unknown directive "no_such_directive" in /etc/nginx/conf.d/zz-broken', ran.message)
    assert site.host.run(["find", "/run", "-name", "vendhub-nginx-*"]).stdout == ""
    assert site.files() == before
    assert site.ask().status == 200


def test_a_port_of_somebody_else_is_left_alone(site: Site) -> None:
    before, workers = site.files(), site.workers()
    site.host.run(["systemd-run", "--unit=stranger", "python3", "-c", LISTENER])
    try:
        ran = site.run("--tags", "reverse_proxy", reverse_proxy_https_port=8443)
    finally:
        site.host.run(["systemctl", "stop", "stranger"])
    assert ran.code != 0
    assert re.match(r"Port 8443 of web1 is taken by python3\S* \(pid \d+\), so nginx cannot have it", ran.message)
    assert (site.files(), site.workers()) == (before, workers)


def test_a_reload_that_ends_with_0_but_was_not_taken_is_found_and_taken_back(site: Site) -> None:
    before = site.files()
    # called nginx, so that only the effect tells it
    site.host.run(["sh", "-c", "cp $(readlink -f /usr/bin/python3) /usr/local/bin/nginx"])
    site.host.run(["systemd-run", "--unit=stranger", "/usr/local/bin/nginx", "-c", LISTENER])
    site.host.run(["mv", "/usr/local/bin/nginx", "/root/nginx"])
    try:
        ran = site.run("--tags", "reverse_proxy", reverse_proxy_https_port=8443)
    finally:
        site.host.run(["systemctl", "stop", "stranger"])
    assert ran.code != 0
    assert "8443 failed (98: Address already in use)" in ran.message
    assert site.files() == before
    assert site.ask().status == 200


def test_an_authority_that_is_not_trusted_issues_nothing_and_the_old_certificate_stays(site: Site) -> None:
    before, served = site.files(), site.served()
    site.host.write("/etc/ssl/other.pem", site.acme.issuer.read_text())
    ran = site.run("--tags", "certbot", certbot_ca_path="/etc/ssl/other.pem", certbot_names=[NAME, OTHER])
    assert ran.code != 0
    assert f"got no certificate for {NAME}, {OTHER}" in ran.message
    assert "certificate verify failed" in ran.message
    assert (site.served(), site.stored()) == (served, served)
    assert site.run("--tags", "certbot").code == 0
    assert site.files() == before


def test_https_is_never_lost_by_a_missing_file(site: Site) -> None:
    site.host.run(["mv", f"{LIVE}/fullchain.pem", f"{LIVE}/away.pem"])
    try:
        ran = site.run("--tags", "reverse_proxy")
    finally:
        site.host.run(["mv", f"{LIVE}/away.pem", f"{LIVE}/fullchain.pem"])
    assert ran.code != 0
    assert ran.message.startswith(f"{LIVE}/fullchain.pem is not there, and web1 serves https with it")
    assert site.ask().status == 200


def test_another_name_gets_a_new_certificate_that_is_served_at_once(site: Site) -> None:
    changed: dict[str, t.Any] = {"certbot_names": [NAME, OTHER], "reverse_proxy_server_names": [NAME, OTHER]}
    ran = site.run(**changed)
    assert ran.code == 0, ran.screen[-3000:]
    assert site.ask(name=OTHER).status == 200
    again = site.run(**changed)
    assert (again.code, again.changes, again.recap("changed")) == (0, [], 0), again.screen[-3000:]


def test_a_run_that_dies_leaves_no_untested_file(site: Site) -> None:
    """``reverse_proxy_access_log`` is one word too many; the play ends where the files would be in their places."""
    before = site.files()
    for dummy in range(2):  # the second would find the files of the first
        ran = site.run("--tags", "reverse_proxy", reverse_proxy_access_log="/var/log/nginx/a.log no_such_format")
        assert re.match(r"nginx on web1 refuses .*not put in its place.*: .*no_such_format|.*invalid", ran.message)
        assert site.files() == before
    site.host.run(["nginx", "-t"])


def test_a_certbot_of_snap_is_refused(site: Site) -> None:
    site.host.write("/snap/bin/certbot", "#!/bin/sh\n", mode="0755")
    before = site.files()
    try:
        asked = site.run("--tags", "certbot")
        renewed = site.run(playbook="renew_certificates.yml")
    finally:
        site.host.run(["rm", "-r", "/snap"])
    for ran in (asked, renewed):
        assert ran.message.startswith("certbot of web1 is a snap (/snap/bin/certbot), whose own timer")
    assert site.files() == before


def test_absent_takes_the_site_and_the_hook_away_and_leaves_certificates(site: Site) -> None:
    ran = site.run(reverse_proxy_state="absent", certbot_state="absent")
    assert ran.code == 0, ran.screen[-3000:]
    left = site.host.run(["find", "/etc/nginx", "/etc/systemd", "/usr/local", "/var/lib",
                          "/etc/letsencrypt/renewal-hooks", "-iname", "*vendhub*", "-type", "f"]).stdout
    assert left == ""
    assert site.stored()
    assert site.host.run(["ls", "/etc/letsencrypt/accounts"]).stdout
    with pytest.raises(ConnectionRefusedError):
        site.ask(scheme="http")
    again = site.run(reverse_proxy_state="absent", certbot_state="absent")
    assert (again.code, again.recap("changed")) == (0, 0), again.screen[-3000:]


def test_absent_finishes_what_a_dead_run_began_and_refuses_what_would_break_nginx(site: Site) -> None:
    off = {"reverse_proxy_state": "absent"}
    assert site.run("--tags", "reverse_proxy").code == 0
    site.host.write(SNIPPET, "server { listen 8081; return 200 $vendhub_path; }\n")
    before = site.files()
    refused = site.run("--tags", "reverse_proxy", **off)
    assert refused.message.startswith("nginx on web1 would not load its configuration without this site, so nothing")
    assert site.files() == before
    site.host.run(["rm", SNIPPET])

    site.host.run(["rm", SITE])  # as far as the dead run came
    assert site.ask("/health", scheme="http").status == 200
    ran = site.run("--tags", "reverse_proxy", **off)
    assert ran.code == 0, ran.screen[-3000:]
    with pytest.raises(ConnectionRefusedError):
        site.ask(scheme="http")


def test_a_site_of_somebody_else_is_kept_and_absent_removes_only_its_own(site: Site) -> None:
    theirs = "server { listen 8082; server_name theirs.test; }\n"
    kept = f"{SITE}.before-vendhub-ops"
    assert site.run("--tags", "reverse_proxy", reverse_proxy_state="absent").code == 0
    site.host.write(SITE, theirs, mode="0640")
    untouched = site.run("--tags", "reverse_proxy", reverse_proxy_state="absent")
    assert (untouched.code, untouched.changes, site.host.read(SITE)) == (0, [], theirs)
    taken = site.run("--tags", "reverse_proxy")
    assert taken.code == 0, taken.screen[-3000:]
    assert f"it is kept as {kept}, which nginx does not read" in " ".join(taken.screen.split())
    assert site.host.read(kept) == theirs
    assert site.host.run(["stat", "-c", "%a", kept]).stdout == "640\n"

    site.host.write(FLAG, "")
    site.host.write("/usr/local/share/vendhub-maintenance/logo.svg", "<svg/>")
    assert site.run("--tags", "reverse_proxy", reverse_proxy_state="absent").code == 0
    left = site.host.run(["find", "/etc/nginx/vendhub", "/usr/local/share/vendhub-maintenance", FLAG, SITE, kept,
                          "-type", "f"], check=False).stdout
    assert left.split() == ["/usr/local/share/vendhub-maintenance/logo.svg", FLAG, kept]
