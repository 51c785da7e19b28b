"""The data plane, driven as a server drives it: by ASGI messages."""
