"""What grows with size: time and memory at three sizes beside a peer's, and whether they grow as they should."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figure import Figure, Pair
from benchmarks.measure import Use
from benchmarks.rounds import until_clear

PEER = "peer"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that is measured at every size, with its bounds; None: there is no verdict.

    Verdicts are of processor time and of memory, which are much the same where others use the machine too; the time
    that a user waits is shown beside its goal.

    title:     what is measured; `unit` is what its sizes count.
    peer:      what the peer is, in words.
    processor: bound of the ratio to the peer's processor time, at the greatest size.
    memory:    the same of peak memory.
    goal:      of the ratio of times, at the greatest size.
    pace:      bound of the processor time for one row (job, environment) at the greatest size over that at the size
               before it: what is linear keeps 1.
    held:      bound of the memory at the greatest size over that at the size before it: what is bounded keeps 1.
    note:      what was measured elsewhere, with its date.
    """

    title: str
    peer: str
    unit: str = "rows"
    processor: float | None = None
    memory: float | None = None
    goal: float | None = None
    pace: float | None = None
    held: float | None = None
    note: str = ""


Sized = Mapping[int, Mapping[str, Use]]
"""One round: what each subject and the peer took at each size, where they were measured."""


def over_sizes(
    subjects: Mapping[str, Subject], sizes: Sequence[int], measure: Callable[[str, int], Use], *, warm_up: bool = False
) -> list[Figure]:
    """Measure the subjects and `PEER` at every size once, then again where verdicts are made, until they are clear.

    Verdicts are made of the greatest size beside the peer and beside the size before it: what is smaller is for the
    picture. measure: takes one of the subjects' names or `PEER`, and a size.
    """
    names, verdicts = (*subjects, PEER), sorted(sizes)[-2:]
    if warm_up:
        for name in names:
            measure(name, verdicts[-1])

    def take(before: int) -> Sized:
        wanted = [(size, name) for size in sizes for name in names if before == 0 or _is_for_a_verdict(size, name)]
        taken: dict[int, dict[str, Use]] = {}
        for size, name in wanted[:: 1 if before % 2 == 0 else -1]:
            taken.setdefault(size, {})[name] = measure(name, size)
        return taken

    def _is_for_a_verdict(size: int, name: str) -> bool:
        return size == verdicts[-1] or (size == verdicts[0] and name != PEER)

    def made(rounds: Sequence[Sized]) -> list[Figure]:
        return [figure for name, subject in subjects.items() for figure in subject_figures(subject, name, rounds)]

    return until_clear(take, made)


def subject_figures(subject: Subject, name: str, rounds: Sequence[Sized]) -> list[Figure]:
    """Time, processor time and memory of a subject over the peer's at each size, and how they grow."""
    sizes = sorted(rounds[0])
    found = []
    for size in sizes:
        last = size == sizes[-1]
        taken = [each[size] for each in rounds if {name, PEER} <= set(each.get(size, ()))]
        for what, value, unit, limit, goal in (
            ("time", "seconds", "s", None, subject.goal),
            ("processor time", "processor", "s", subject.processor, None),
            ("memory", "mebibytes", "MiB", subject.memory, None),
        ):
            pairs = tuple((getattr(each[name], value), getattr(each[PEER], value)) for each in taken)
            if min(map(min, pairs)) > 0:  # else the system does not tell
                found.append(
                    Figure(
                        f"{subject.title}, {_sized(size, subject.unit)}: {what}",
                        pairs,
                        unit,
                        subject.peer,
                        limit if last else None,
                        goal=goal if last else None,
                        line=f"{subject.title}: {what}",
                        size=size,
                        note=subject.note,
                    )
                )
    return found + _growth(subject, name, rounds, *sizes[-2:])


def _growth(subject: Subject, name: str, rounds: Sequence[Sized], before: int, greatest: int) -> list[Figure]:
    """What the greatest size takes beside the size before it: processor time for each row, and memory."""
    one = subject.unit.removesuffix("s")
    at, than = (_sized(size, subject.unit) for size in (greatest, before))

    def pairs(value: Callable[[Use, int], float]) -> tuple[Pair, ...]:
        return tuple((value(each[greatest][name], greatest), value(each[before][name], before)) for each in rounds)

    found = []
    paces, held = pairs(lambda use, size: 1e6 * use.processor / size), pairs(lambda use, _: use.mebibytes)
    if subject.pace is not None and min(map(min, paces)) > 0:
        title = f"{subject.title}, {at}: processor time for one {one}"
        found.append(Figure(title, paces, "µs", f"at {than}", subject.pace))
    if subject.held is not None and min(map(min, held)) > 0:
        found.append(Figure(f"{subject.title}, {at}: growth of memory", held, "MiB", f"at {than}", subject.held))
    return found


def _sized(size: int, unit: str) -> str:
    return f"{size:,} {unit if size != 1 else unit.removesuffix('s')}"
