"""What `llmops doctor` looks at: each check answers findings in plain words, with what to do."""

from llmops.doctor.examination import examine, examine_stopped
from llmops.doctor.findings import Finding, Level

__all__ = ["Finding", "Level", "examine", "examine_stopped"]
