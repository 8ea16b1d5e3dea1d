# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""Secrets at rest: encrypted with a key that lies outside the database, so that a dump or a backup gives nobody away.

The key comes from the environment (``MARKETPLACE_SECRET_KEYS``), else from ``odoo.conf`` (``marketplace_secret_keys``),
else from a file in Odoo's data folder that is made when the first secret is stored. Several keys, with commas between
them, are for changing over: the first one encrypts, all of them decrypt. So does the file's, behind those that are
given: what was stored before a key was given has to be read still.
"""

import contextlib
import os
import tempfile
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from odoo import _, fields
from odoo.exceptions import UserError
from odoo.tools import config

ENVIRONMENT = "MARKETPLACE_SECRET_KEYS"
OPTION = "marketplace_secret_keys"
FILE = "cartona_integration.key"
# Stands where a client reads a secret that is there. No secret of a marketplace has this character in it.
COVER = "•" * 12


class Sealed(str):
    """Ciphertext, told from the secret itself by its type."""


class Covered(str):
    """What a person reads in place of a secret. It knows what it covers: Odoo makes the record of a form of what it
    reads of the stored one, and there the secret has to stay what it is."""

    def __new__(cls, sealed):
        covered = super().__new__(cls, COVER)
        covered._sealed = Sealed(sealed)
        return covered


class Secret(fields.Char):
    """A text that nobody reads in the database, and no client reads at all, unless it is ``shown``: a secret of ours
    that a person has to hand to the marketplace.

    In the column and in the ORM's cache stands ciphertext, so searching and grouping find nothing out. Code that works
    for the superuser reads the text itself; what is evaluated for a person, a message template say, what covers it. One
    that no key of ours opens reads as empty, see :func:`is_lost`.
    """

    shown = False

    def convert_to_cache(self, value, record, validate=True):
        if not value or isinstance(value, Sealed):
            return value or None
        if isinstance(value, Covered):
            return value._sealed
        text = super().convert_to_cache(value, record, validate)
        if COVER[0] in text:
            raise UserError(_("%s: enter the whole of it. What is shown there is only a mask.", self.string))
        return seal(text)

    def convert_to_column(self, value, record, values=None, validate=True):
        value = self.convert_to_cache(value, record, validate)
        return str(value) if value else None

    def convert_to_record(self, value, record):
        if not value:
            return False
        return unseal(value) if self.shown or record.env.su else Covered(value)

    def convert_to_write(self, value, record):
        return value

    def convert_to_read(self, value, record, use_display_name=True):
        return COVER if value and not self.shown else value

    def convert_to_export(self, value, record):
        return COVER if value else ""


def seal(text):
    """Return ``text`` encrypted, as :class:`Sealed`."""
    return Sealed(_keyring(_keys(make=True)).encrypt(text.encode()).decode())


def unseal(sealed):
    """Return the text that was sealed, ``False`` where no key opens it."""
    try:
        return _keyring(_keys()).decrypt(sealed.encode()).decode()
    except (InvalidToken, UserError):
        return False


def is_lost(sealed):
    """Tell whether no key of ours opens it: they were changed, or the database came without them."""
    return unseal(sealed) is False


def is_key_away():
    """Tell whether there is no key at all: its file is not there, or can't be read, be it for a moment."""
    return not _keys()


def is_former(sealed):
    """Tell whether it takes a key to open it that does not encrypt any more."""
    try:
        _keyring(_keys()[:1]).decrypt(sealed.encode())
    except (InvalidToken, UserError):
        return not is_lost(sealed)
    return False


def _keys(make=False):
    """Return the keys, the one that encrypts first.

    :param make: make one where there is none
    """
    given = (os.environ.get(ENVIRONMENT) or config.get(OPTION) or "").split(",")
    given = [key.strip() for key in given if key.strip()]
    path = os.path.join(config["data_dir"], FILE)
    if make and not given and not os.path.exists(path):
        _make_file(path)
    with contextlib.suppress(OSError, UnicodeDecodeError), open(path, encoding="ascii") as file:
        kept = file.read().strip()
        if not given or _is_key(kept):  # what is no key must not keep good ones from being used
            given.append(kept)
    return tuple(given)


def _is_key(text):
    try:
        return bool(Fernet(text))
    except ValueError:
        return False


def _make_file(path):
    """Make a key, unless somebody else just did: whole and for our eyes alone, or not at all."""
    try:
        with tempfile.NamedTemporaryFile("wb", dir=os.path.dirname(path)) as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(file.fileno())  # what it encrypts is committed for good, so it has to be there as well
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    except OSError as err:
        raise UserError(
            _(
                "No key to encrypt credentials with: %(folder)s can't be written to. Enter one in odoo.conf, as "
                "%(option)s (README: Secrets).",
                folder=os.path.dirname(path),
                option=OPTION,
            )
        ) from err


@lru_cache(maxsize=8)
def _keyring(keys):
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as err:
        message = _("The key that encrypts credentials is no key. See Secrets in README for how one is made.")
        raise UserError(message if keys else _("The key that encrypts credentials is missing.")) from err
