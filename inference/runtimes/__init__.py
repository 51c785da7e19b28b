"""From an artefact to something that predicts; one module per kind, imported only if used."""
