"""The platform's view of deprecated parts of the schema."""
