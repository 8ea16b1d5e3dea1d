"""The server's log, read for what nobody should see: errors that breaking the system does not explain."""

import re
from dataclasses import dataclass
from datetime import datetime, timezone

HEAD = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (\d+) (\w+) (\S+) (\S+): ?(.*)", re.S)
# How long after something was broken its traces may be explained by it.
SECONDS = 45.0
KILL, RESTART, ALWAYS = "SIGKILL", "PostgreSQL", ""

DATABASE_LOST = (
    r"server closed the connection|terminating connection|(connection|cursor) already closed|database system is"
    r"|connection to server .* failed|could not connect|connection not open|no connection to the server"
    r"|consuming input failed|Unable to use a closed cursor|could not receive data from server"
    r"|server terminated abnormally"
)
# What may stand in the log, what explains it, and why it is no fault of ours. Everything else is one.
ALLOWED = [
    ("PostgreSQL went away", RESTART, DATABASE_LOST,
     "whoever works with a connection loses it, and says so; what was not committed is done again"),
    ("a server that came up without PostgreSQL", RESTART, r"\AFailed to load registry",
     "Odoo says so before it tries again with the next request"),
    ("a job's worker went away", KILL,
     r"exception in GET http\S*/queue_job/runjob|RemoteDisconnected|Connection reset by peer",
     "the runner tells that its worker gave no answer; the job is found dead and queued again"),
    ("a job's worker had no database", RESTART, r"exception in GET http\S*/queue_job/runjob",
     "the same, where the worker answered with an error since PostgreSQL was away"),
    ("the client went away", KILL, r"BrokenPipeError|Broken pipe",
     "an answer for the runner, which waits for none of them longer than a second, or was killed"),
    ("the runner lost its lock", KILL, r"MasterElectionLost|could not acquire master runner lock",
     "the runner of before is dead, and PostgreSQL has not noticed yet; it is tried again"),
    # By what it repeats: its end may stand in the record of another worker, which writes into the same file meanwhile.
    ("a cursor that was never opened", ALWAYS,
     r"Exception ignored in: <function Cursor.__del__"
     r"[\s\S]*(RecursionError|in __getattr__\n.*getattr\(self\._obj, name\))",
     "Odoo puts away, whenever Python collects it, the cursor of a connection that was lost before it was opened"),
    ("a worker got no request", ALWAYS, r"\A\S+ - - \[[^]]*\] Request timed out: TimeoutError",
     "Odoo gives a connection 2 s to send its request, which a busy machine may need; whoever asks does so again"),
    ("two people wrote the same row of Odoo's", ALWAYS,
     r"\Abad query: (?!.*marketplace)[\s\S]*could not (serialize access|obtain lock)",
     "Odoo tells of it, and repeats the request out of sight; on a row of ours it would be our fault"),
]  # fmt: skip


@dataclass
class Record:
    moment: float
    level: str
    logger: str
    text: str

    @property
    def is_error(self):
        return self.level in ("ERROR", "CRITICAL") or "Traceback (most recent call last)" in self.text


def records(log):
    """The log's records, each with the lines that follow its own."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        head = HEAD.match(line)
        if head:
            moment = datetime.strptime(head[1], "%Y-%m-%d %H:%M:%S,%f").replace(tzinfo=timezone.utc).timestamp()
            found.append(Record(moment, head[3], head[5], head[6]))
        elif found:
            found[-1].text += f"\n{line}"
        else:
            found.append(Record(0.0, "", "", line))
    return found


def judge(log, events):
    """`(how often each allowed error stands there, the records that nothing explains)`."""
    allowed, unexplained = {}, []
    for record in filter(lambda record: record.is_error, records(log)):
        name = explanation(record, events)
        if name:
            allowed[name] = allowed.get(name, 0) + 1
        else:
            unexplained.append(record)
    return allowed, unexplained


def explanation(record, events):
    for name, cause, pattern, _why in ALLOWED:
        if (cause == ALWAYS or is_recent(cause, record.moment, events)) and re.search(pattern, record.text):
            return name
    return None


def is_recent(cause, now, events):
    """Tell whether something of this kind was broken shortly before."""
    return any(cause in words and -5 < now - moment < SECONDS for moment, words in events)
