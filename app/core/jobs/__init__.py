"""Work done after a commit, by another process. The only package that knows Dramatiq."""
