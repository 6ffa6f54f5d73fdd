"""How long somebody who joins now will wait, as P50 and P90, learned from the waits that have ended.

Pure: no clock, no table, no task; it is handed seconds and counts, and what it remembers is plain data (`memory`).
"""
