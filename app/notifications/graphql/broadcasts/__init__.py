"""Telling everybody who waits, as staff do it and watch it."""
