"""What every page for people, at the desk and on phones, tells a browser that it may not do."""

from collections.abc import Mapping

HEADERS: Mapping[str, str] = {
    "Referrer-Policy": "same-origin",  # Flask-WTF wants one from ourselves over https
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
