"""What every page for people, at the desk and on phones, tells a browser that it may not do."""

from collections.abc import Mapping

# The frames in which WeChat's browser draws its own tags (开放标签说明文档: 对于有 CSP 要求的页面).
FRAMES_OF_TAGS = "https://*.qq.com webcompt:"

HEADERS: Mapping[str, str] = {
    "Referrer-Policy": "same-origin",  # Flask-WTF wants one from ourselves over https
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
