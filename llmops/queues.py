"""Names of the task queues. One worker listens to all of them on one machine."""

RUNS = "runs"
BACKGROUND = "background"
