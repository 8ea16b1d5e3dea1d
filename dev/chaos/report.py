"""What was done, what was checked and what came of it: a table for people, JSON for programs."""

import json
from dataclasses import asdict, dataclass, field

SHOWN = 8


@dataclass
class Check:
    """A promise; it is broken when anything is `wrong`."""

    name: str
    looked_at: int
    wrong: list = field(default_factory=list)

    @property
    def kept(self):
        return not self.wrong


@dataclass
class Report:
    name: str
    seed: str
    seconds: float = 0.0
    done: dict = field(default_factory=dict)
    allowed: list = field(default_factory=list)  # (what was seen, how often, why it may be)
    checks: list = field(default_factory=list)

    def check(self, name, looked_at, wrong):
        self.checks.append(Check(name, looked_at, list(wrong)))

    @property
    def kept(self):
        return all(check.kept for check in self.checks)

    def as_json(self):
        return json.dumps({**asdict(self), "kept": self.kept}, indent=1, ensure_ascii=False, default=str)

    def table(self):
        parts = [f"{self.name}, SEED={self.seed}, {self.seconds:.0f} s"]
        parts += lines("done", self.done)
        parts += ["", "seen, and allowed", "-" * 17] if self.allowed else []
        parts += [f"{count:>5} × {what}: {why}" for what, count, why in self.allowed]
        width = max(len(check.name) for check in self.checks)
        parts += ["", f"{'checked':{width}}  {'of':>6}  {'wrong':>6}  kept", "-" * (width + 22)]
        for check in self.checks:
            word = "yes" if check.kept else "NO"
            parts.append(f"{check.name:{width}}  {check.looked_at:>6}  {len(check.wrong):>6}  {word}")
            parts += [f"    {str(each)[:1500]}" for each in check.wrong[:SHOWN]]
            parts += [f"    … and {len(check.wrong) - SHOWN} more"] if len(check.wrong) > SHOWN else []
        return "\n".join(parts)


def lines(title, counts):
    if not counts:
        return []
    width = max(map(len, counts))
    return ["", title, "-" * len(title)] + [f"{name:{width}}  {count:>8}" for name, count in sorted(counts.items())]
