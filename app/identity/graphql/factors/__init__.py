"""Second factors and stepping up in the schema."""
