"""A waiting room of Virtual Queue in front of a Python site: the ASGI middleware, and a verifier for nginx and others.

What it decides is in `gate.py`; nothing here knows the framework of the site, which may be any ASGI application.
"""

from virtual_queue_asgi.gate import Gate
from virtual_queue_asgi.middleware import WaitingRoom
from virtual_queue_asgi.options import FailureMode, Options, OptionsError
from virtual_queue_asgi.tokens import Admission

__all__ = ["Admission", "FailureMode", "Gate", "Options", "OptionsError", "WaitingRoom"]
