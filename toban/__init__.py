"""Toban (当番), the one on duty: what puts the rooms together. App, settings, command line, simulator."""
