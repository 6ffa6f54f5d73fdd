"""Packages that add channels, integrations and reactions, found by their entry points when a process starts.

A plug-in is trusted code of whoever runs the installation: it is not fenced in. It uses what `api.py` names.
"""
