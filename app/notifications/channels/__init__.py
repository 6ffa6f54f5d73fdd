"""Who carries messages: one interface (`interface.py`), one file for each provider, and the list of them all."""
