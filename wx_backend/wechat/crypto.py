"""WeChat's message crypto: SHA-1 signatures, AES-256-CBC with the account's key, its own padding and frame.

The scheme: msg_signature = sha1 of the sorted (token, timestamp, nonce, Encrypt); plaintext = 16 random bytes, the
message's length as four big-endian bytes, the message, the appid, PKCS#7 padded to 32; the IV is the key's first half
(消息加解密说明). The primitives are `cryptography`'s. wechatpy's own codec spends a third of an encrypted message in
two xmltodict parses, compares signatures with `!=` and checks no padding.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 32


class BadCipher(Exception):
    """The ciphertext is not what this account's key made."""


class WrongAccount(Exception):
    """It decrypts, but was meant for another appid."""


def sign(*parts: str) -> str:
    """The hex SHA-1 of the parts in byte order: `signature` and `msg_signature` alike."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def same(given: str, expected: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


class MessageKey:
    """One EncodingAESKey of one account."""

    def __init__(self, encoding_aes_key: str, app_id: str) -> None:
        self.app_id = app_id.encode()
        key = base64.b64decode(encoding_aes_key + "=", validate=False)
        if len(key) != BLOCK:
            raise ValueError("EncodingAESKey must hold 32 bytes")
        self._cipher = Cipher(AES(key), CBC(key[:16]))

    def decrypt(self, encrypted: str) -> bytes:
        """The message inside `Encrypt`; raises BadCipher, or WrongAccount when another appid stands at its end."""
        try:
            raw = base64.b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadCipher("not base64") from error
        if not raw or len(raw) % 16:
            raise BadCipher("not whole blocks")
        decryptor = self._cipher.decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
        pad = padded[-1]
        if not 1 <= pad <= BLOCK or padded[-pad:] != bytes([pad]) * pad:
            raise BadCipher("padding")
        content = padded[16:-pad]
        if len(content) < 4:
            raise BadCipher("too short")
        (length,) = struct.unpack(">I", content[:4])
        message, app_id = content[4 : 4 + length], content[4 + length :]
        if len(message) != length:
            raise BadCipher("length")
        if not hmac.compare_digest(app_id, self.app_id):
            raise WrongAccount
        return message

    def encrypt(self, message: bytes) -> str:
        """The `Encrypt` of a message, with fresh randomness."""
        content = secrets.token_bytes(16) + struct.pack(">I", len(message)) + message + self.app_id
        pad = BLOCK - len(content) % BLOCK
        encryptor = self._cipher.encryptor()
        return base64.b64encode(encryptor.update(content + bytes([pad]) * pad) + encryptor.finalize()).decode()


def decrypt_with_any(keys: Iterable[MessageKey], encrypted: str) -> tuple[MessageKey, bytes]:
    """The key that works and the message: the current key first, the previous while WeChat still uses it.

    Raises BadCipher when none does, WrongAccount when one does for another appid.
    """
    fault: Exception = BadCipher("no key")
    for key in keys:
        try:
            return key, key.decrypt(encrypted)
        except BadCipher as error:
            fault = error
    raise fault
