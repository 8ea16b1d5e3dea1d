{"name": "Plain HTTP", "version": "19.0.1.0.0", "license": "LGPL-3", "depends": ["web"], "installable": True}
