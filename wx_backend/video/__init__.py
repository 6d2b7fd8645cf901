"""The built-in room of a family call: pages that find each other through us, and then speak directly (WebRTC)."""
