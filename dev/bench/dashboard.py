"""What the dashboard costs the server where ten million calls are logged.

The rows are spread over the month that the log is kept. What they add stays, so the parts after this one run beside
them, as they would in such a house.
"""

import time

from .figures import Row, p50, p95

LOG_ROWS = 10_000_000
DAYS = 30
REPEATS = 20


class Dashboard:
    def __init__(self, system):
        self.system, self.within = system, system.within

    def rows(self):
        self.system.rest()
        before, whole_before = self.measure()
        seconds = self.within.log_rows(account=self.system.account, count=LOG_ROWS, days=DAYS)
        after, whole = self.measure()
        note = f"{LOG_ROWS} rows in the log, {LOG_ROWS // DAYS} of them of the last day, written in {seconds:.0f} s"
        return [
            Row(
                "dashboard, p50", p50(after["taken"]), "ms", p50(before["taken"]), "< 300 ms",
                f"{note}; floor: before they were added",
            ),
            Row("dashboard, p95", p95(after["taken"]), "ms", p95(before["taken"]), "< 300 ms"),
            Row(
                "dashboard by RPC, p50", p50(whole), "ms", p50(whole_before),
                note="the whole request at the server, with its login; floor: the same before the rows were added",
            ),
            Row(
                "dashboard, beyond a call that does nothing", p50(after["taken"]) - p50(after["least"]), "ms",
                note="in the same process, by turns",
            ),
        ]  # fmt: skip

    def measure(self):
        """The milliseconds of the calls within Odoo, and of the whole request to the running server."""
        self.within.dashboard(repeats=2)  # what is loaded once is not measured
        inside = self.within.dashboard(repeats=REPEATS)
        self.request()
        return inside, [self.request() for _repeat in range(REPEATS)]

    def request(self):
        start = time.perf_counter()
        self.system.odoo.call("marketplace.config", "get_dashboard_data")
        return (time.perf_counter() - start) * 1000
