"""Voiceprints under lock: AES-256-GCM with a key per customer, each sealed with a master key outside the database.

JR/T 0164-2018 asks for encryption right after capture, ISO/IEC 24745:2022 for confidentiality, renewability and
revocation: a destroyed customer's key takes the voiceprint with it, wherever a copy of it may be.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from voicebot.errors import StorageError

#: First bytes of a sealed value: format 1, AES-256-GCM with a nonce of 96 bits (NIST SP 800-38D).
_MARK = b"VS1\0"
_NONCE = 12


def vault_path(database: Path) -> Path:
    """`var/voicebot.db` -> `var/voicebot.db.master`: where the master key is when the settings name no other place."""
    return database.with_name(database.name + ".master")


class Vault:
    """Seals and opens. `master`: 32 bytes. Every value is bound to what it is of, so none can stand in for another."""

    def __init__(self, master: bytes) -> None:
        if len(master) != 32:
            raise StorageError("the master key of the voiceprints must be 32 bytes", hint="restore it from a backup")
        self._master = AESGCM(master)

    def new_key(self, customer_id: str) -> bytes:
        """A customer's new key, sealed."""
        return _seal(self._master, os.urandom(32), _about("key", customer_id))

    def reseal(self, sealed: bytes, customer_id: str, new: Vault) -> bytes:
        """The same customer's key under another master key. Raises StorageError."""
        key = _open(self._master, sealed, _about("key", customer_id))
        return _seal(new._master, key, _about("key", customer_id))

    def seal(self, sealed_key: bytes, customer_id: str, model_id: str, value: bytes) -> bytes:
        """A customer's value, unreadable without both keys. Raises StorageError where the key is another's."""
        return _seal(self._key(sealed_key, customer_id), value, _about("voiceprint", customer_id, model_id))

    def open(self, sealed_key: bytes, customer_id: str, model_id: str, blob: bytes) -> bytes:
        """Inverse of `seal`. Raises StorageError for a wrong key, a spoiled value or another customer's."""
        return _open(self._key(sealed_key, customer_id), blob, _about("voiceprint", customer_id, model_id))

    def _key(self, sealed: bytes, customer_id: str) -> AESGCM:
        return AESGCM(_open(self._master, sealed, _about("key", customer_id)))


def _about(*parts: str) -> bytes:
    return b"\0".join(part.encode("utf-8") for part in parts)


def _seal(key: AESGCM, value: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return _MARK + nonce + key.encrypt(nonce, value, about)


def _open(key: AESGCM, blob: bytes, about: bytes) -> bytes:
    start = len(_MARK) + _NONCE
    if not blob.startswith(_MARK):
        raise StorageError("a stored voiceprint is spoiled", hint="enrol the customer again")
    try:
        return key.decrypt(blob[len(_MARK) : start], blob[start:], about)
    except InvalidTag:
        raise StorageError(
            "a stored voiceprint cannot be opened: it is spoiled, or the master key is another one",
            hint="restore the master key (paths.voice_master_key), or enrol the customer again",
        ) from None
