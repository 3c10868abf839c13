"""What has been told of a training job that is followed, so that each phase and round is told once."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from training.job.description import ENDED, JobDescription, Phase
from training.job.folds import FoldCount
from training.job.log import LogLine, Round, parse_round

TAIL = 20
"""How many of the last log lines are kept for a job that fails."""


@dataclass(slots=True)
class Seen:
    """What the view has been told of one attempt."""

    phases: int = 0
    current: str = ""
    last_round: int = -1
    interruptions: int = 0
    """How often spot instances were taken away: so often the rounds begin anew."""
    restarts: int = 0
    folds: FoldCount | None = None
    """Of a cross-validation."""
    tail: deque[str] = field(default_factory=lambda: deque(maxlen=TAIL))

    def new_phases(self, job: JobDescription) -> list[Phase]:
        """The phases that have ended since the last call; the end of the job is no phase."""
        ended = [phase for phase in job.phases if phase.ended is not None and phase.status not in ENDED]
        fresh = ended[self.phases :]
        self.phases = len(ended)
        return fresh

    def new_current(self, job: JobDescription) -> Phase | None:
        """The phase that has begun since the last call."""
        last = job.phases[-1] if job.phases else None
        if last is None or last.ended is not None or last.status in ENDED or last.status == self.current:
            return None
        self.current = last.status
        return last

    def new_round(self, line: LogLine) -> Round | None:
        """The round that a log line reports, once (with several instances each of them may report it)."""
        done = parse_round(line.text)
        if done is None:
            return None
        again = done.number == 0 and self.last_round > 0 and self.restarts < self.interruptions
        self.restarts += again
        if self.folds is not None:
            if again:
                self.folds.start_over()
            self.last_round = done.number
            return self.folds.place(done, line.host)
        if not again and done.number <= self.last_round:
            return None
        self.last_round = done.number
        return done
