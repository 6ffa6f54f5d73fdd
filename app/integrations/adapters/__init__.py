"""Talking to CRM and payment systems: one interface for each kind, one class for each system."""
