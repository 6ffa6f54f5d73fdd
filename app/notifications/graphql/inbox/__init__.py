"""Messages in the app, in the schema."""
