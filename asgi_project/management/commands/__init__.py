"""One file per `manage.py` verb."""
