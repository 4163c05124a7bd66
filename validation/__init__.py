"""The claims: one folder per body of work, one file per claim."""
