"""What every feature stands on: database, event log, live bus, jobs, clock, errors. Knows no feature."""
