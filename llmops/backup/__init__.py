"""Backups: everything that the database holds in one file, and back again, on any Postgres that will do."""

from llmops.backup.archive import Manifest, NoBackup, kept_keys
from llmops.backup.dump import NothingThere, dump, in_words
from llmops.backup.restore import CannotRestore, restore

__all__ = ["CannotRestore", "Manifest", "NoBackup", "NothingThere", "dump", "in_words", "kept_keys", "restore"]
