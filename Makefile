# Developer's commands; each prepares what it needs (Odoo, PostgreSQL, Python) and can be repeated.
PYTHON ?= python3

.PHONY: help run test coverage mutants lint bench compare chaos conformance screenshots architecture i18n clean port dist

help:
	@echo "make run            a running Odoo with the addon and a sandbox marketplace (ONCE=1: one round trip, then exit)"
	@echo "make test           all tests; T=tests/test_x.py (or tests_plain/...) for one; KEEP=1 keeps the database"
	@echo "make coverage       lines and branches the tests run, and each raise that none reaches; T=… for some, REPORT=1 again"
	@echo "make mutants        small faults in a copy of the code: do the tests notice? ONLY=transport, COUNT=20, SEED=1"
	@echo "make lint           the gates of .pre-commit-config.yaml; FIX=1 mends what needs no person"
	@echo "make bench          measures, .bench/latest.json and .svg; fails when a ratio is lost; ONLY=prices for a part,"
	@echo "                    STRICT=1 for goals of bare values too, PUBLISH=1 for the table and picture in docs"
	@echo "make compare        the same work beside another connector for Shopify, on Odoo 19.0; REPEATS=5 for more rounds"
	@echo "make chaos          breaks a running system on purpose and looks for what is lost; SEED=… repeats, ONLY=load"
	@echo "                    for load, MINUTES=30 of it"
	@echo "make conformance    what the addon sends to Amazon, beside what a client made from Amazon's own models sends"
	@echo "make screenshots    the pictures of README and the store page, of a running system; all: python3 -m dev screenshots all"
	@echo "make architecture   the picture in docs/ARCHITECTURE.md, of the code's imports"
	@echo "make i18n           the texts to translate, i18n/*.pot, and the languages brought up to them"
	@echo "make port           the addon for Odoo 19.0 (or SERIES=18.0), in the folder it prints"
	@echo "make dist           what a user installs, in dist/: a zip and a wheel for each series"
	@echo "make clean          stops and removes what this checkout made outside of itself (ALL=1: Odoo and Python too)"
	@echo "SERIES=17.0|18.0|19.0 forces a series, ODOO_HOME=path names a source tree of Odoo 17.0 or 18.0."

run test coverage mutants lint bench compare chaos conformance screenshots architecture i18n clean port dist:
	@$(PYTHON) -m dev $@
