"""Jobs as operators see them. How they are written, sent and run is `app/core/jobs`."""
