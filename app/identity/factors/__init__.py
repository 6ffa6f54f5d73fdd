"""Second factors: what somebody has besides a password, and the codes for the day it is lost."""
