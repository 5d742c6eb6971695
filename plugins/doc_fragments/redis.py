# Copyright (c) 2026 VendHub DevOps Team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of every module that talks to Redis."""

from __future__ import annotations


class ModuleDocFragment:
    """Shared documentation."""

    DOCUMENTATION = r"""
options:
  host:
    description: Name or address of the server.
    type: str
    default: 127.0.0.1
  port:
    description: Port of the server.
    type: int
    default: 6379
  unix_socket:
    description: Path of the server's socket, instead of O(host) and O(port).
    type: path
  username:
    description: User of the access control list (Redis 6 or newer).
    type: str
  password:
    description:
      - Password of the user, or of the server.
      - Without it, the environment variable E(REDISCLI_AUTH) of the managed host is used, as C(redis-cli) does.
    type: str
  database:
    description: Number of the logical database.
    type: int
    default: 0
  tls:
    description: Speak TLS.
    type: bool
    default: false
  validate_certs:
    description: Refuse a certificate that is not trusted or has another name.
    type: bool
    default: true
  ca_path:
    description: File of trusted certificates, instead of the system's.
    type: path
  client_cert_path:
    description: File of the client's certificate.
    type: path
  client_key_path:
    description: File of the client's private key.
    type: path
  timeout_seconds:
    description: How long everything together may take.
    type: float
    default: 5
"""
