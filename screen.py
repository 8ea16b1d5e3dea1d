# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What Odoo's web client is asked to show."""

# What may come after a notification, which alone would leave the screen as it was: the form is read anew, or all of it.
CLOSE = {"type": "ir.actions.act_window_close"}
RELOAD = {"type": "ir.actions.client", "tag": "soft_reload"}


def notification(message, kind, sticky=False, then=None):
    """Return the action that tells somebody ``message``, as ``info``, ``success``, ``warning`` or ``danger``.

    :param dict then: the action that comes after it, else ``CLOSE``
    """
    params = {"message": message, "type": kind, "sticky": sticky, "next": dict(then or CLOSE)}
    return {"type": "ir.actions.client", "tag": "display_notification", "params": params}
