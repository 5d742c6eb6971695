# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab: some hosts on a network of their own, all of it in memory below ``.lab/NAME``."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.lab import layers as saved, network
from tests.lab.able import why_not
from tests.lab.acme import SERVER, Acme
from tests.lab.archive import unpack
from tests.lab.host import SSH_OPTIONS, Host
from tests.lab.image import image
from tests.lab.machine import LABS, LabError, mounted_under, run

GROUP = "lab"


class Lab:
    """Hosts that boot when the ``with`` begins and are gone when it ends; ``lab["app1"]`` is a host.

    ``layer`` is a saved layer for every host, or one for each host that does not start from the bare image.
    """

    def __init__(
        self, name: str, hosts: t.Sequence[str] = ("host1",), *, layer: str | t.Mapping[str, str] | None = None
    ) -> None:
        for word in (name, *hosts):
            if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", word):
                raise LabError(f"'{word}' does not name a lab or a host: lower-case letters, digits and '-', up to 31.")
        if len(set(hosts)) != len(hosts):
            raise LabError(f"A host is named twice: {', '.join(hosts)}.")
        self.name = name
        self.folder = LABS / name
        self.layer_of = dict(layer) if isinstance(layer, t.Mapping) else {host: layer for host in hosts if layer}
        strange = set(self.layer_of) - set(hosts)
        if strange:
            raise LabError(f"A layer is given for {', '.join(sorted(strange))}, which is no host of the lab {name}.")
        self._names = list(hosts)
        self._hosts: dict[str, Host] = {}
        self.number = 0
        self.image = ""
        self.aliases: dict[str, str] = {}
        self._below: dict[str, list[str]] = {}

    @classmethod
    def of(cls, name: str) -> Lab:
        """The lab of that name that is up now."""
        file = LABS / name / "state.json"
        if not file.exists():
            raise LabError(f"There is no lab {name}: python -m tests.lab up {name} --hosts app1,web1")
        state = json.loads(file.read_text())
        lab = cls(name, state["hosts"], layer=state["layers"])
        lab.image, lab._below, lab.aliases = state["image"], state["below"], state.get("aliases", {})
        lab._know(state["number"])
        return lab

    @classmethod
    def names(cls) -> list[str]:
        """The labs that are up, or that a crash left behind."""
        return sorted(path.name for path in LABS.glob("*") if path.is_dir())

    def __getitem__(self, host: str) -> Host:
        """The host of that name."""
        if host not in self._hosts:
            raise LabError(f"The lab {self.name} has no host {host}; it has {', '.join(self._hosts) or 'none'}.")
        return self._hosts[host]

    def __iter__(self) -> t.Iterator[Host]:
        """Its hosts."""
        return iter(self._hosts.values())

    def __enter__(self) -> Lab:
        """Bring it up."""
        self.up()
        return self

    def __exit__(self, *dummy: object) -> None:
        """Take it down, whatever happened."""
        self.down()

    def up(self) -> Path:
        """Boot the hosts and return the inventory; when one does not boot, nothing is left behind."""
        reason = why_not()
        if reason:
            raise LabError(reason)
        if self.folder.exists():
            down = f"python -m tests.lab down {self.name}"
            raise LabError(f"The lab {self.name} is up already, or was left by a crash: {down}")
        archive = image()
        self.image = archive.name
        chains = {host: saved.chain(layer, self.image) for host, layer in self.layer_of.items()}
        self.folder.mkdir(parents=True)
        try:
            size = "size=80%,nr_inodes=0,mode=711"
            run(["mount", "-t", "tmpfs", "-o", size, f"vendhub-lab-{self.name}", self.folder])
            self._below = {h: [path.name for path in (*chains.get(h, []), archive)] for h in self._names}
            self._save_state()
            self._know(network.make())
            self._save_state()
            self._controls().mkdir(mode=0o700, exist_ok=True)
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"lab {self.name}", "-f", self.folder / "key"])
            for packed in {archive, *(path for chain in chains.values() for path in chain)}:
                unpack(packed, self.folder / "below" / packed.name)
            for host in self:
                host.create(self._disks_below(host), self._addresses())
            self._write_known_hosts()
            self._each(Host.power_on)
        except BaseException:
            with contextlib.suppress(LabError):
                self.down()
            raise
        return self.inventory()

    def down(self) -> None:
        """Take away everything of this lab, also when the one who brought it up crashed half-way."""
        with contextlib.suppress(LabError, ValueError):
            known = Lab.of(self.name)
            if known.number:
                self._names = known._names
                self._know(known.number)
        if self.number:
            for controls in self._controls().glob("*"):
                run(["ssh", "-F", "none", "-O", "exit", "-S", controls, "all"], check=False)
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self._controls())
            self._acme().stop()
            self._each(Host.destroy)
            network.unmake(self.number)
        for point in mounted_under(self.folder):
            run(["umount", "--lazy", point])
        shutil.rmtree(self.folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            LABS.rmdir()

    def reset(self, host: str | None = None) -> None:
        """Bring one host, or all, back to the state it started from; addresses and SSH host keys stay."""
        names = self._addresses()
        self._each(lambda one: one.reset(self._disks_below(one), names), [self[host]] if host else None)

    def save(self, host: str, layer: str) -> Path:
        """Shut a host down and keep what is on its disk as a layer; the host stays off."""
        self[host].power_off()
        return saved.save(layer, self[host].folder / "upper", self.layer_of.get(host), self.image)

    def alias(self, names: t.Mapping[str, str]) -> None:
        """Let these names, on all hosts and for the ACME server, mean these hosts: ``{"api.vendhub.test": "web1"}``."""
        self.aliases |= {name: self[host].name for name, host in names.items()}
        self._save_state()
        for host in self:
            host.names(self._addresses())
        if self._acme().running():
            self._acme().resolve(self._addresses())

    def acme(self, *, validity_seconds: int = 90 * 86400) -> Acme:
        """Start an ACME server that the hosts reach by HTTPS; it validates at port 80 of the host a name means."""
        server = self._acme()
        server.start(self._addresses(), validity_seconds)
        return server

    def _acme(self) -> Acme:
        return Acme(self.folder, self.number)

    def inventory(
        self, groups: t.Mapping[str, t.Sequence[str]] | None = None, variables: t.Mapping[str, t.Any] | None = None
    ) -> Path:
        """Write the inventory: all hosts in the group ``lab``, these groups besides, ``variables`` for every host."""
        for group, names in (groups or {}).items():
            for name in names:
                assert self[name], group
        children = {GROUP: {"hosts": {host.name: self._variables(host) for host in self}}}
        children |= {group: {"hosts": {name: {} for name in names}} for group, names in (groups or {}).items()}
        file = self.folder / "inventory.json"
        file.write_text(json.dumps({"all": {"children": children, "vars": dict(variables or {})}}, indent=2) + "\n")
        return file

    def _variables(self, host: Host) -> dict[str, t.Any]:
        options = [f"UserKnownHostsFile={self.folder}/known_hosts", *SSH_OPTIONS]
        return {
            "ansible_host": host.address,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": str(host.key),
            "ansible_ssh_common_args": " ".join(["-F none", *(f"-o {option}" for option in options)]),
            "ansible_control_path": f"{self._controls()}/{host.name}-%%r",
            "ansible_python_interpreter": "/usr/bin/python3",
        }

    def _know(self, number: int) -> None:
        self.number = number
        self._hosts = {name: Host(self.folder, number, place, name) for place, name in enumerate(self._names)}

    def _save_state(self) -> None:
        state: dict[str, t.Any] = {"number": self.number, "hosts": self._names, "layers": self.layer_of}
        state |= {"image": self.image, "below": self._below, "aliases": self.aliases}
        part = self.folder / "state.part"
        part.write_text(json.dumps(state, indent=2) + "\n")
        part.rename(self.folder / "state.json")

    def _write_known_hosts(self) -> None:
        lines = []
        for host in self:
            key = (host.folder / "identity/ssh_host_ed25519_key.pub").read_text().split()
            lines.append(f"{host.address} {key[0]} {key[1]}\n")
        (self.folder / "known_hosts").write_text("".join(lines))

    def _addresses(self) -> dict[str, str]:
        """All names that mean something in this lab."""
        hosts = {host.name: host.address for host in self}
        aliases = {name: self[host].address for name, host in self.aliases.items()}
        return {**hosts, **aliases, SERVER: network.gateway(self.number)}

    def _controls(self) -> Path:
        return Path(f"/run/{network.bridge(self.number)}")

    def _disks_below(self, host: Host) -> list[Path]:
        return [self.folder / "below" / name for name in self._below[host.name]]

    def _each(self, act: t.Callable[[Host], None], hosts: t.Sequence[Host] | None = None) -> None:
        """Do it on these hosts (all) at once; all are waited for before the first failure is told."""
        chosen = list(self) if hosts is None else list(hosts)
        with ThreadPoolExecutor(max_workers=max(1, len(chosen))) as pool:
            for doing in [pool.submit(act, host) for host in chosen]:
                doing.result()
