"""Devices that can be pushed to, in the schema."""
