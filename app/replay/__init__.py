"""`vq replay`: a real day of a bank's call centre, played through a running server over the wire.

A client like any other: it speaks GraphQL over HTTP and websockets and imports nothing of the server but its settings.
"""
