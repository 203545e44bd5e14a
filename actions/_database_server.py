"""What PostgreSQL is started with, and where its part of the Compose file is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actions import _compose_parts as parts
from actions import _database_sql as sql
from actions._database_names import Names

FOLDER = "/srv/database"
"""Where the folder of the server's own files is mounted."""
SECRETS = "/run/secrets"
INIT = "/docker-entrypoint-initdb.d"
PREFIX = "%m [%p] user=%u,db=%d,app=%a,client=%h "

QUIET = {
    # No statement's text: literals stand in it, also those that a driver makes of parameters.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # DETAIL quotes values, such as the key of a row that is there twice.
    "log_error_verbosity": "terse",
    "pgaudit.log_parameter": "off",
    "pgaudit.log_statement": "off",
}
AUDIT = {
    "pgaudit.log": "ddl,role,write",
    "pgaudit.log_catalog": "off",
    "pgaudit.log_relation": "on",
}
LOG = {
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_connections": "on",
    "log_disconnections": "on",
    "log_line_prefix": PREFIX,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    names: Names
    folder: str
    """Folder of the target with the access rules and the certificate."""
    secrets: str
    script: str
    preload: Sequence[str]
    log_size: str
    log_files: int
    command: Sequence[str]
    """What the container runs, where the Compose file does not say it."""
    mapped: bool
    """Whether the superuser has another name than the account that runs the server."""

    @property
    def settings(self) -> dict[str, str]:
        found = {
            "shared_preload_libraries": ",".join(self.preload),
            **AUDIT,
            **QUIET,
            **LOG,
            "password_encryption": "scram-sha-256",
            "ssl": "on",
            "ssl_cert_file": f"{FOLDER}/certs/cert.pem",
            "ssl_key_file": f"{FOLDER}/certs/key.pem",
            "ssl_min_protocol_version": "TLSv1.2",
            "hba_file": f"{FOLDER}/pg_hba.conf",
            # Old WAL has the plain text from before: it is removed, not written over some day.
            "wal_recycle": "off",
        }
        if self.mapped:
            found["ident_file"] = f"{FOLDER}/pg_ident.conf"
        return found

    @property
    def mounts(self) -> dict[str, str]:
        return {
            self.folder: FOLDER,
            self.secrets: SECRETS,
            self.script: f"{INIT}/10-{Path(self.script).name}",
            f"{self.folder}/superuser.sql": f"{INIT}/20-superuser.sql",
        }

    @property
    def logging(self) -> dict[str, Any]:
        options = {"max-size": self.log_size, "max-file": str(self.log_files)}
        return {"driver": "json-file", "options": options}

    def files(self, account: str) -> dict[str, bytes]:
        """Access rules by path."""
        rules = sql.render("pg_hba.conf", superuser=self.names.superuser, mapped=self.mapped)
        found = {f"{self.folder}/pg_hba.conf": rules.encode()}
        if self.mapped:
            map_ = sql.render("pg_ident.conf", account=account, superuser=self.names.superuser)
            found[f"{self.folder}/pg_ident.conf"] = map_.encode()
        return found

    def configure(self, document: parts.Document) -> None:
        """Change the service in the Compose file."""
        service = parts.service(document, self.names.service)
        before = parts.command(service)
        words = parts.with_settings(before or list(self.command), self.settings)
        if words != before:
            service["command"] = words
        if dict(service.get("logging") or {}) != self.logging:
            service["logging"] = self.logging
        for source, place in {self.folder: FOLDER, self.secrets: SECRETS}.items():
            parts.mount(service, source, place)

    def configured(self, document: Mapping[str, Any]) -> list[str]:
        """Say what of this the Compose file lacks."""
        service = parts.service(document, self.names.service)
        now = parts.server_settings(parts.command(service))
        lacks = [key for key, value in self.settings.items() if now.get(key) != value]
        if dict(service.get("logging") or {}) != self.logging:
            lacks.append("logging")
        lacks += [
            source
            for source, place in {self.folder: FOLDER, self.secrets: SECRETS}.items()
            if not parts.mounted(service, source, place)
        ]
        return lacks
