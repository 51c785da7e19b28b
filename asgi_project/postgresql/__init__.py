"""Django's PostgreSQL, but for what becomes of its pool when the server has gone away."""
