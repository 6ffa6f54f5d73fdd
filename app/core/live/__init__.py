"""Live updates: the bus between processes and what is built on it. The only package that knows broadcaster."""
