"""`python -m dev <command>`: what the Makefile calls."""

import importlib
import sys

from .common import Stop, say, stop_on_signals

COMMANDS = (
    "run",
    "test",
    "coverage",
    "mutants",
    "lint",
    "bench",
    "compare",
    "chaos",
    "screenshots",
    "architecture",
    "i18n",
    "clean",
    "port",
    "dist",
    "series",
    "conformance",
)


def main(arguments):
    if not arguments or arguments[0] not in COMMANDS:
        say(f"choose a command: {', '.join(COMMANDS)}")
        return 2
    stop_on_signals()
    command = importlib.import_module(f".{arguments[0]}", __package__)
    try:
        return command.main(*arguments[1:])
    except Stop as error:
        say(error)
        return 1
    except KeyboardInterrupt:
        say("stopped")
        return 130


sys.exit(main(sys.argv[1:]))
