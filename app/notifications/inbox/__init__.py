"""Messages in the app: who receives which, and what has been read. They become owed and sent like all others."""
