# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The answer to a bulk call, in the shape the sandbox is set to (see ``options.ROW_ANSWERS``)."""

import json


def json_bytes(data) -> bytes:
    """``data`` as JSON, readable where it can be; a lone surrogate, which UTF-8 has no place for, is escaped."""
    try:
        return json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.dumps(data).encode()


def bulk_answer(options, rows: list, outcomes: list, echoed, extras: list | None = None):
    """``outcomes`` has None for a row that was applied, else its error; ``extras`` what to add to good rows."""
    extras = extras or [{}] * len(rows)
    shape = options.row_answer
    failures = [(index, error) for index, error in enumerate(outcomes) if error]
    if shape == "silent" or (shape in ("failed", "object") and not failures):
        return []
    if shape == "object":
        return {"error": "; ".join(f"row {index + 1}: {error}" for index, error in failures)}
    if shape == "failed":
        return [{**_echo(rows[index], echoed), "error": error} for index, error in failures]
    answers = []
    for row, error, extra in zip(rows, outcomes, extras, strict=True):
        answer = _echo(row, echoed)
        if shape == "success":
            answer["success"] = error is None
        if error:
            answer["error"] = error
        else:
            answer.update(extra)
        answers.append(answer)
    return answers


def _echo(row, echoed):
    return {key: row[key] for key in echoed if key in row} if isinstance(row, dict) else {}
