"""Against a real daemon: `../test` runs them from the built wheel in clean environments."""
