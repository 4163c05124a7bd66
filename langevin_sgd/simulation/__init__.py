"""The one loop that every simulator runs in, with what it records and keeps.

- `engine`: what the loop asks of engines, which make steps, and of workloads, which it drives
- `beginning`: seed, start, and fresh random numbers
- `timetable`, `recording`: which steps are looked at, and what is recorded of them
- `trajectories`: the steps of an engine in chunks, recorded: the workload of everything with steps
- `drive`: the loop itself
- `checkpoint`: files from which a run that was stopped, or is to make more steps, goes on
- `memory`: what fits
- `stop`, `status`, `result`: when a run ends, how it ended, and the dataset of it
"""
