"""Alerts: that something is the matter with a queue or with the installation, told once, until it is over."""
