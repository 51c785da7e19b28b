"""The hot requests, answered by a plain ASGI application instead of Django's request stack."""
