{"name": "Floor of a request", "version": "17.0.1.0.0", "license": "LGPL-3", "depends": ["web"], "installable": True}
