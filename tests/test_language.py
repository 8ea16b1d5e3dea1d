# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
import re
from functools import partial

from odoo.exceptions import ValidationError
from odoo.tests import Form, new_test_user
from odoo.tools import mute_logger

from ..compat import format_list, pack_unit
from ..marketplaces import rest_forms as forms
from ..schemas import RowResult
from ..transport import signatures
from ..transport.errors import AuthenticationFailed, MarketplaceError, TemporaryFailure, WebhookRejected
from .common import MarketplaceCase

ARABIC = re.compile("[\u0600-\u06ff]{3}")
GROUPS = "sales_team.group_sale_manager,cartona_integration.group_marketplace_manager"


class TestLanguage(MarketplaceCase):
    """Jobs run without a user: what they store is in the language of the account's responsible person."""

    def prepare(self):
        self.env["res.lang"]._activate_lang("ar_001")
        self.env["res.lang"]._activate_lang("fr_FR")
        self.reader = new_test_user(self.env, "arabic-reader", GROUPS, lang="ar_001")
        for number, product in enumerate(self.products, 1):
            product.name = f"Juice {number}"
            product.with_context(lang="ar_001").name = f"عصير {number}"
            product.with_context(lang="fr_FR").name = f"Jus {number}"
        super().prepare()
        self.account.user_id = self.reader
        self.stock_products()
        self.account.activity_ids.unlink()
        self.running().told = False

    def read_by(self, lang):
        """Have the account's people read another language from now on."""
        self.reader.lang = lang

    def assert_arabic(self, text):
        self.assertRegex(text or "", ARABIC)

    # ------------------------------------------------------------------ whose language it is

    def test_the_language_is_that_of_the_responsible_else_of_the_company_else_of_whoever_works(self):
        self.assertEqual(self.account._language(), "ar_001")
        self.account.user_id = False
        self.account.company_id.partner_id.lang = "fr_FR"
        self.assertEqual(self.account._language(), "fr_FR")
        self.account.company_id.partner_id.lang = False
        self.assertEqual(self.account._language(), self.env.user.lang)

    # ------------------------------------------------------------------ what people read

    def test_a_held_order_its_activity_and_its_message_are_in_the_language_of_the_responsible(self):
        order = self.order_of(self.hold())
        self.assert_arabic(order.marketplace_hold)
        self.assertNotIn("The total is", order.marketplace_hold)
        activity = self.account.activity_ids
        self.assert_arabic(activity.summary)
        self.assert_arabic(activity.note)
        order.action_marketplace_accept()

    def test_an_english_reader_reads_english(self):
        self.read_by("en_US")
        order = self.order_of(self.hold())
        self.assertIn("The total is", order.marketplace_hold)
        self.assertIn("are held", self.account.activity_ids.summary)

    def test_a_failed_price_says_why_in_the_language_of_the_responsible(self):
        listing = self.account.listing_ids[0]
        listing.external_id = "gone"
        self.commit()
        self.assertEqual(listing.state, "failed")
        self.assert_arabic(listing.last_error)
        self.assert_arabic(self.account.activity_ids.summary)

    def test_the_reason_of_a_pause_is_in_the_language_of_the_responsible(self):
        self.account.auth_token = "wrong"
        self.products[0].list_price = 45
        self.commit()
        self.assertEqual(self.account.state, "paused")
        self.assert_arabic(self.account.pause_reason)
        self.assert_arabic(self.account.activity_ids.summary)
        self.assert_arabic(self.account.activity_ids.note)

    def test_what_the_transport_says_of_a_marketplace_that_does_not_answer_is_translated(self):
        self.box.stop()
        self.products[0].list_price = 45
        self.commit()
        self.assert_arabic(self.running().last_error)

    def test_a_document_that_makes_no_sense_says_why_in_the_language_of_the_responsible(self):
        document = self.box_order((self.products[0], 1, 20.0))
        (line,) = document["order_details"]
        broken = {**document, "hashed_id": "broken", "order_details": [{**line, "amount": "many"}]}
        self.env["marketplace.inbox"]._store([(self.account, "order", "broken", broken)], "webhook")
        self.pull()
        row = self.env["marketplace.inbox"].search([("config_id", "=", self.account.id), ("state", "=", "failed")])
        self.assertIn("amount", row.last_error)
        self.assert_arabic(row.last_error)

    def test_lost_audits_and_deadlines_are_told_in_the_language_of_the_responsible(self):
        self.patch(self.registry["marketplace.config"], "_due_orders", lambda *_args: {"1": "2026-01-01 00:00:00"})
        self.account._in_language()._tell_of_deadlines()
        self.commit()
        self.assert_arabic(self.account.activity_ids.summary)
        audit = self.env["marketplace.audit"].create({"config_id": self.account.id})
        self.account.action_pause()
        self.env.flush_all()
        audit._job_audit()
        self.env.invalidate_all()
        self.assertEqual(audit.state, "failed")
        self.assert_arabic(audit.last_error)

    def test_what_is_listed_has_the_commas_of_its_reader(self):
        draft = self.env["marketplace.config"].create({"name": "New", "code": "cartona"})
        self.assertEqual(draft.setup_missing, "API URL, Token")
        arabic = draft.with_context(lang="ar_001")
        arabic.invalidate_recordset(["setup_missing"])
        self.assertNotIn(",", arabic.setup_missing)
        self.assertEqual(format_list(arabic.env, "ABC").count("\N{ARABIC COMMA}"), 2)

    def test_what_is_refused_names_things_with_the_commas_of_its_reader(self):
        first = self.account.with_context(lang="ar_001")
        shared = {"name": "Second", "code": "cartona", "credentials_id": first.id}
        with self.assertRaises(ValidationError) as caught:
            first.create(shared)
        self.assertRegex(str(caught.exception), f"{self.account.name}،? وSecond")
        self.assertNotIn(", ", str(caught.exception))

    def test_what_nobody_foresaw_is_told_in_the_language_of_the_responsible(self):
        self.patch(type(self.env["marketplace.api.cartona"]), "_push_offers", lambda *args: {}["no such key"])
        with mute_logger("odoo.addons.cartona_integration.models.marketplace_sender"):
            self.products[0].list_price = 45
            self.commit()
        self.assert_arabic(self.running().last_error)

    # ------------------------------------------------------------------ one cause in two languages

    def test_one_cause_in_two_languages_is_one_activity(self):
        self.hold()
        self.read_by("fr_FR")
        self.hold()
        self.assertEqual(len(self.account.activity_ids), 1)
        self.account.activity_ids.action_done()
        self.read_by("en_US")
        self.hold()
        self.assertFalse(self.account.activity_ids, "told of this once today")

    def test_what_is_asked_of_an_order_in_two_languages_is_one_activity(self):
        order = self.order_of(self.hold())
        processor = self.env["marketplace.order.processor"]
        for lang in ("ar_001", "fr_FR"):
            processor.with_context(lang=lang)._take_back(order)
        self.assertEqual(order.activity_ids.mapped("marketplace_cause"), ["returned"])

    def test_an_order_that_was_accepted_in_one_language_goes_on_in_another(self):
        document = self.hold()
        order = self.order_of(document)
        self.read_by("fr_FR")
        order.with_user(self.reader).action_marketplace_accept()
        self.commit()
        self.assertFalse(order.marketplace_hold)
        self.assertEqual(order.state, "sale")

    def test_an_order_that_stays_held_is_not_held_anew_when_somebody_else_reads(self):
        order = self.order_of(self.hold())
        key, activities = order.marketplace_hold_key, self.account.activity_ids
        activities.action_feedback()
        self.running().told = False  # as on another day
        self.read_by("fr_FR")
        order.action_marketplace_retry()
        self.commit()
        self.assertEqual(order.marketplace_hold_key, key)
        self.assertFalse(self.account.activity_ids, "nobody is told again of what has not changed")
        self.assertIn("Le total est de", order.marketplace_hold)

    def test_failures_of_one_cause_stand_together_and_are_tried_again_by_it(self):
        listings = self.account.listing_ids[:2]
        for listing in listings:
            listing.external_id = f"gone-{100000 + listing.id}"
        self.commit()
        (failure,) = self.account._dashboard_failures()[self.account.id]
        self.assertEqual(failure["count"], 2)
        self.assert_arabic(failure["cause"])
        self.account.retry_cause(failure["model"], failure["cause"])
        self.env.cr.flush()
        self.assertTrue(self.env["marketplace.outbox"].search_count([("listing_id", "in", listings.ids)]))

    # ------------------------------------------------------------------ what is data stays as it is

    def test_lines_are_in_the_language_of_the_customer_whoever_reads_the_jobs_words(self):
        document = self.box_order((self.products[0], 1, 20.0))
        self.pull()
        order = self.order_of(document)
        self.assertFalse(order.partner_id.lang, "nobody knows it, so it is not that of the job")
        self.assertIn("Juice 1", order.order_line.name)
        order.partner_id.lang = "fr_FR"
        comment = self.box_order(
            (self.products[1], 1, 20.0), (self.products[2], 2, 20.0), retailer=document["retailer"]
        )
        self.pull()
        first, second = self.order_of(comment).order_line
        self.assertEqual(self.order_of(comment).partner_id, order.partner_id)
        self.assertIn("Jus 2", first.name)
        self.assertIn("Jus 3", second.name)

    def test_names_and_units_that_jobs_write_are_those_of_no_reader(self):
        names = [(product.name, product.with_context(lang="ar_001").name) for product in self.products]
        self.products[0].list_price = 45
        self.hold()
        self.env.invalidate_all()
        self.assertEqual([(p.name, p.with_context(lang="ar_001").name) for p in self.products], names)
        uom = self.products[0].uom_id
        uom.with_context(lang="ar_001").name = "قطعة"
        made = pack_unit(uom.with_context(lang="ar_001"), 17)
        self.assertEqual(made.with_context(lang="en_US").name, f"17 × {uom.with_context(lang=None).name}")

    def test_a_tax_that_a_job_makes_is_named_in_each_language_as_the_tax_is_there(self):
        tax = self.env["account.tax"].create({"name": "VAT 14", "amount": 14.0, "type_tax_use": "sale"})
        tax.with_context(lang="ar_001").name = "ضريبة 14"
        self.products[0].taxes_id = tax
        self.account.tax_policy = "included"
        document = self.box_order((self.products[0], 1, 20.0))
        self.pull()
        made = tax.marketplace_included_id
        self.assertEqual(self.order_of(document).order_line.tax_id, made)
        self.assertEqual(made.with_context(lang="en_US").name, "VAT 14, included")
        self.assertIn("ضريبة 14", made.with_context(lang="ar_001").name)

    def test_countries_are_found_by_their_english_names_whoever_reads(self):
        egypt = self.env.ref("base.eg")
        egypt.with_context(lang="ar_001").name = "مصر"
        partners = self.env["res.partner"].with_context(lang="ar_001")
        document = self.box_order((self.products[0], 1, 20.0))
        self.pull()
        customer = self.order_of(document).partner_id
        found = partners._prepare_marketplace_place(_Place("Egypt"), customer.country_id.browse())
        self.assertEqual(found["country_id"], egypt.id)

    def test_the_sender_of_no_responsible_person_works_all_the_same(self):
        self.account.user_id = False
        self.products[0].list_price = 46
        self.commit()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 46)

    def test_failures_of_an_account_are_noted_in_the_language_that_the_job_has(self):
        running = self.account._in_language()._running()
        for _number in range(5):
            running._note_failure(TemporaryFailure("down"))
        self.commit()
        self.assert_arabic(self.account.activity_ids.summary)
        running._note_failure(AuthenticationFailed("wrong"))
        self.assertEqual(self.account.pause_reason, "wrong", "what the marketplace says stays as it is")

    def test_a_line_with_a_comment_is_described_for_the_customer_and_keeps_the_comment(self):
        order = self.order_of(self.described())
        order.partner_id.lang = "fr_FR"
        document = self.described(retailer=self.box.order(order.cartona_id)["retailer"])
        line = self.order_of(document).order_line
        self.assertIn("Jus 1", line.name)
        self.assertNotIn("Juice 1", line.name)
        self.assertTrue(line.name.endswith("Cold, please"), line.name)

    def test_carriers_are_told_by_the_name_that_no_reader_has_translated(self):
        if "carrier_id" not in self.env["stock.picking"]._fields:
            self.skipTest("without delivery there are no carriers")
        product = self.env["product.product"].create({"name": "Delivery", "type": "service"})
        carrier = self.env["delivery.carrier"].create({"name": "Aramex", "product_id": product.id})
        carrier.with_context(lang="ar_001").name = "أرامكس"
        document = self.box_order((self.products[0], 1, 20.0))
        self.pull()
        picking = self.order_of(document).picking_ids
        picking.carrier_id = carrier
        self.assertEqual(picking.with_context(lang="ar_001")._marketplace_carrier_name(), "Aramex")

    # ------------------------------------------------------------------ whoever presses

    def test_what_a_person_presses_is_stored_for_the_account_s_people_and_told_to_the_person(self):
        document = self.box_order((self.products[0], 1, 20.0))
        self.pull()
        order = self.order_of(document)
        self.commit()
        self.box.stop()
        lane = self.env["marketplace.lane.orders"].with_context(lang="fr_FR")
        told = lane._ask_now(order, "delivered", {})
        self.env.invalidate_all()
        self.assertNotRegex(told, ARABIC)
        self.assertIn("refuse la connexion", told)
        self.assert_arabic(self.running().last_error)

    def test_what_waited_is_stored_for_the_account_s_people_whoever_sends_it_on(self):
        document = self.box_order((self.products[0], 1, 20.0))
        self.pull()
        order = self.order_of(document)
        self.env["marketplace.outbox"].search([("lane", "=", "orders")]).unlink()
        self.env["marketplace.outbox"].create(
            {"config_id": self.account.id, "lane": "orders", "order_id": order.id, "operation": "status"}
            | {"status": "delivered"}
        )
        order.marketplace_status = "editing"
        self.env.flush_all()
        self.env["marketplace.lane.orders"].with_context(lang="fr_FR")._send_waiting(order)
        self.env.invalidate_all()
        command = self.env["marketplace.outbox"].search([("lane", "=", "orders"), ("order_id", "=", order.id)])
        self.assert_arabic(command.last_error)

    def test_the_log_is_in_the_language_of_the_responsible(self):
        self.box.stop()
        self.products[0].list_price = 45
        self.commit()
        self.assert_arabic(self.logged("push_offers")[:1].message)

    def test_a_refused_delivery_is_noted_in_the_language_of_the_responsible(self):
        api = self.account._in_language().env["marketplace.api"]
        for error in (_refusal("hmac", {}), _refusal("token", {"x-marketplace-token": "wrong"})):
            self.assert_arabic(api._said(error.words))

    def test_errors_of_configured_paths_are_in_the_language_of_whoever_writes_them(self):
        api = self.env["marketplace.api"].with_context(lang="ar_001")
        wrongs = (
            partial(forms.compiled, "a["),
            partial(forms.filled, "x{no}", {}),
            partial(forms.read, "a", {"a": "x"}, "integer"),
        )
        for wrong in wrongs:
            with self.assertRaises(MarketplaceError) as caught:
                wrong()
            self.assert_arabic(str(api._retold(caught.exception)))

    def test_a_product_unknown_there_is_known_by_its_code_whatever_the_language(self):
        listing = self.account.listing_ids[0]
        listing.external_id = "gone"
        self.commit()
        self.assertEqual(listing.error_code, "unknown")
        api = self.account._api()
        for words in ("product not found", "Produit 7 introuvable", "المنتج غير موجود"):
            self.assertTrue(api._is_unknown(RowResult.rejected("", words)), words)
        self.assertFalse(api._is_unknown(RowResult.rejected("", "The price is not found")))

    # ------------------------------------------------------------------ reasons for a cancellation

    def test_only_the_reasons_of_the_order_s_own_marketplace_are_offered(self):
        order = self.order_of(self.hold())
        known = set(self.account._capabilities()["cancellation_reasons"])
        self.assertEqual(set(order.marketplace_cancel_reasons.split()), known)
        every = dict(self.env["marketplace.api"]._cancellation_reasons())
        self.assertGreater(set(every), known, "other marketplaces have others")
        if "sale.order.cancel" not in self.env:
            self.skipTest("cancelling asks nothing in this series")
        wizard = Form(self.env["sale.order.cancel"].with_context(default_order_id=order.id))
        self.assertIn(wizard.marketplace_cancel_reason, known)

    # ------------------------------------------------------------------ helpers

    def described(self, **values):
        """Have an order come whose line has a comment; return the marketplace's document."""
        line = {"supplier_product_id": self.external_id(self.products[0]), "amount": 1, "selling_price": 20.0}
        document = self.box.add_order(order_details=[{**line, "comment": "Cold, please"}], **values)
        self.pull()
        return document

    def hold(self):
        """Have an order come whose sum is wrong; return the marketplace's document."""
        document = self.box_order((self.products[0], 1, 20.0), status="pending", total_price=25.0)
        self.pull()
        return document


class _Place:
    """A customer of whom nothing is known but the country."""

    street = street2 = city = zip = state = ""

    def __init__(self, country):
        self.country = country


def _refusal(scheme, headers):
    """Return why this delivery is refused."""
    try:
        signatures.verify(scheme, headers, b"{}", "secret", 0.0)
    except WebhookRejected as refused:
        return refused
    raise AssertionError("it was not refused")
