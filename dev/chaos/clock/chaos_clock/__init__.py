"""Loaded into Odoo's processes by `make chaos` alone, without being installed: their clock jumps with a file.

What Python reads by `time.time()` and the addon by `fields.Datetime.now()` is moved. PostgreSQL's clock and the job
runner's are not, so the clocks also disagree with each other, as those of two machines do. The log tells the real time.
"""

import logging
import mmap
import os
import struct
import time
import types

from odoo import fields
from odoo.service.server import PreforkServer

_real_time, _real_now = time.time, fields.Datetime.now


def _shared():
    with open(os.environ["CHAOS_CLOCK"], "rb") as handle:
        return mmap.mmap(handle.fileno(), 8, access=mmap.ACCESS_READ)


_file = _shared()


def _ahead():
    return struct.unpack("d", _file[:8])[0]


def _now(*_args):
    return fields.Datetime.add(_real_now(), seconds=round(_ahead()))


logging.time = types.SimpleNamespace(**vars(time))
time.time = lambda: _real_time() + _ahead()
fields.Datetime.now = staticmethod(_now)
# The process for websockets needs gevent, which is not among our pins, and nobody here listens to it.
PreforkServer.long_polling_spawn = lambda self: None
