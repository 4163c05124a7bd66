"""The one loop that every simulator runs in, with what it records and keeps.

- `recording`: chunks of steps, snapshots, recorders, divergence, progress, and the dataset
- `checkpoint`: files from which a run that was stopped goes on
- `stop`, `status`: when a run ends, and how it ended
"""
