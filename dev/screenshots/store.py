"""What Odoo's store shows of the addon: pictures of the running system and the icon, in `static/description`."""

import shutil
import subprocess

from ..common import ROOT, Stop

FOLDER = ROOT / "static" / "description"
PICTURES = ("dashboard", "account", "listings", "held", "dashboard-ar")
# Shown by README besides.
IN_README = ("setup", "order", "product")
SIZE = 128


def copy_pictures(taken, source):
    """Copy those of the pictures just `taken` that the page of the store uses."""
    for name in PICTURES:
        if name in taken:
            shutil.copyfile(source / f"{name}.png", FOLDER / f"{name}.png")


def draw_icon(chromium):
    """Draw `icon.png` of `icon.svg`."""
    icon = FOLDER / "icon.png"
    icon.unlink(missing_ok=True)
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        "--default-background-color=00000000", f"--window-size={SIZE},{SIZE}", f"--screenshot={icon}",
        icon.with_suffix(".svg").as_uri(),
    ]  # fmt: skip
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
    if not icon.exists():
        raise Stop("Chromium did not draw the icon")
