"""What people want to be told and by which channel, and who must not be written to any more. Sends nothing."""
