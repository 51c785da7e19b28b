"""SQLite as Django has it, with a queue for those of one process who write."""
