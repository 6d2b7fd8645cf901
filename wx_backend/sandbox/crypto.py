"""WeChat's side of the message crypto, written from the protocol and from nothing of the back end."""

import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7


def signature(*parts: str) -> str:
    """SHA-1 over the sorted parts."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def _cipher(encoding_aes_key: str) -> Cipher[CBC]:
    key = base64.b64decode(encoding_aes_key + "=")
    return Cipher(AES(key), CBC(key[:16]))


def sealed(text: str, encoding_aes_key: str, app_id: str) -> str:
    """random(16) + length(4, big-endian) + text + appid, PKCS#7 to 32 bytes, AES-256-CBC, base64."""
    body = text.encode()
    padder = PKCS7(256).padder()
    frame = os.urandom(16) + len(body).to_bytes(4, "big") + body + app_id.encode()
    encryptor = _cipher(encoding_aes_key).encryptor()
    padded = padder.update(frame) + padder.finalize()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def opened(encrypted: str, encoding_aes_key: str, app_id: str) -> str:
    """The text inside; raises ValueError when it is not what this account would say."""
    decryptor = _cipher(encoding_aes_key).decryptor()
    padded = decryptor.update(base64.b64decode(encrypted, validate=True)) + decryptor.finalize()
    unpadder = PKCS7(256).unpadder()
    frame = unpadder.update(padded) + unpadder.finalize()
    length = int.from_bytes(frame[16:20], "big")
    if frame[20 + length :].decode(errors="replace") != app_id:
        raise ValueError("encrypted for another appid")
    return frame[20 : 20 + length].decode()
