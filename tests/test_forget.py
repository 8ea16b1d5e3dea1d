# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.exceptions import AccessError
from odoo.tests import new_test_user

from .common import TABLES, MarketplaceCase

# What nobody else is called, called at, or lives at.
CANARY = {
    "retailer_name": "Kanarienvogel & Söhne متجر",
    "retailer_code": "KV00777",
    "retailer_number": "+201077700077",
    "retailer_number2": "+201077700078",
    "retailer_email": "canary@example.com",
    "retailer_address": "7 Canary Wharf Street",
    "address_notes": "behind the canary cage",
}
NOTE = "Ask for Tweety Bird"
# In JSON, and that in a row that is shown as text.
AS_JSON = r"\\u0645\\u062a\\u062c\\u0631"
WORDS = (*CANARY.values(), NOTE, "Kanarienvogel", "Canary Wharf", "متجر", AS_JSON)


class TestForget(MarketplaceCase):
    """A person forgets a customer: nothing tells who it was, and the orders stay."""

    def prepare(self):
        super().prepare()
        self.stock_products()
        line = (self.products[0], 1, 5.0)
        self.document = self.box_order(line, retailer=CANARY, note_message=NOTE, status="pending")
        self.pull()
        self.order = self.order_of(self.document)
        self.customer = self.order.partner_id

    def forget(self, customer=None):
        answer = (customer or self.customer).action_marketplace_forget()
        self.run_hooks()
        self.env["marketplace.erasure"]._cron_go_on()
        self.env.invalidate_all()
        return answer

    def write_down(self):
        """Have the name written down wherever that may happen."""
        name, phone = CANARY["retailer_name"], CANARY["retailer_number"]
        self.order.message_post(body=f"Called {name} at {phone}")
        self.order.marketplace_reason = f"{name} wants nothing"
        self.order.picking_ids.message_post(body=f"For {name}")
        self.account._tell_now("An order", f"{name} is blocked", "An order")
        self.account.message_post(body=f"Of {name}")
        self.env["marketplace.outbox"]._command(self.order, "status", "approved", {"who": name})
        self.env["marketplace.outbox"].search([("order_id", "=", self.order.id)]).last_error = f"Not for {phone}"
        self.env["marketplace.task"].create({"config_id": self.account.id, "kind": "list", "message": name})
        self.env["marketplace.audit"].create({"config_id": self.account.id, "last_error": name})
        self.running().last_error = f"{name} is unknown"
        self.env["marketplace.sync.log"]._record(self.account, {"status": "error", "message": name, "response": phone})
        self.account.with_delay(identity_key="marketplace:canary")._tell_now(name, name, name)
        job = self.env["queue.job"].search([("identity_key", "=", "marketplace:canary")])
        job.write({"exc_info": f"ValueError: {name}", "state": "failed"})

    def test_nothing_in_any_table_tells_who_it_was_and_the_order_stays(self):
        self.write_down()
        before = {table for table, _word in self.where(*WORDS)}
        ours = {f"marketplace_{name}" for name in ("inbox", "outbox", "task", "audit", "config_state", "sync_log")}
        self.assertLessEqual({*ours, *TABLES} - {"mail_tracking_value"}, before)
        total, state = self.order.amount_total, self.order.state
        answer = self.forget()
        self.assertEqual(answer["params"]["type"], "success")
        self.assertEqual(self.where(*WORDS), set())
        self.assertEqual((self.order.amount_total, self.order.state), (total, state))
        self.assertEqual(self.order.partner_id.name, "Forgotten customer")
        self.assertIn(self.document["hashed_id"], self.order.cartona_id)

    def test_no_number_of_any_kind_stays_nor_finds_who_was_forgotten(self):
        number = "+201099900099"
        for name in self.customer._phone_get_number_fields():
            self.customer[name] = number
        self.order.message_post(body=f"Call {number}")
        self.forget()
        self.assertEqual(self.where(number), set())
        retailer = {"retailer_name": "Somebody", "retailer_code": "S1", "retailer_number": number}
        other = self.box_order((self.products[0], 1, 5.0), retailer=retailer, status="pending")
        self.pull()
        self.assertEqual(self.order_of(other).partner_id.name, "Somebody")

    def test_what_was_written_of_others_stays(self):
        other = self.box_order(
            (self.products[0], 1, 5.0),
            retailer={"retailer_name": "Nightingale", "retailer_code": "N1", "retailer_number": "+201033300033"},
            status="pending",
        )
        self.pull()
        self.account.message_post(body="Nightingale sings")
        self.forget()
        self.assertEqual(self.order_of(other).partner_id.name, "Nightingale")
        tables = {table for table, _word in self.where("Nightingale")}
        self.assertLessEqual({"res_partner", "marketplace_inbox", "mail_message"}, tables)

    def test_what_was_written_of_a_line_goes_from_its_texts_and_those_of_its_invoice(self):
        self.account.invoice_policy = "posted"
        line = {"supplier_product_id": self.external_id(self.products[0]), "amount": 1, "selling_price": 5.0}
        details = [{**line, "comment": "For the parrot of Tweety"}]
        document = self.box.add_order(order_details=details, retailer=CANARY, status="pending")
        self.pull()
        order = self.order_of(document)
        order.picking_ids.move_ids.picked = True
        order.picking_ids.button_validate()
        self.commit()
        tables = {table for table, _word in self.where("parrot of Tweety")}
        self.assertLessEqual({"sale_order_line", "account_move_line"}, tables)
        if not order.locked:
            order.action_lock()
        self.forget()
        self.assertEqual(self.where("parrot", *WORDS), set())
        self.assertIn(self.products[0].name, order.order_line.name)
        self.assertEqual(order.invoice_ids.invoice_line_ids.name, order.order_line.name)

    def test_an_order_that_was_given_to_another_contact_is_found_too(self):
        other = self.env["res.partner"].create({"name": "Nightingale"})
        self.order.write({"partner_id": other.id, "partner_shipping_id": other.id, "partner_invoice_id": other.id})
        self.commit()
        self.forget()
        self.assertEqual(self.where(*WORDS), set())
        self.assertEqual(self.order.partner_id.name, "Nightingale")

    def job(self, record, key, method, *args, **values):
        getattr(record.with_delay(identity_key=key), method)(*args)
        job = self.env["queue.job"].search([("identity_key", "=", key)])
        job.write(values)
        return job

    def test_jobs_of_other_accounts_and_other_addons_are_left_alone(self):
        other = self._create_account(name="Other", auth_token="another", supplier_code="S2")
        error = {"state": "failed", "exc_info": f"ValueError: {CANARY['retailer_name']}"}
        sender, elsewhere = self.env["marketplace.sender"], f"marketplace:drain:{other.id}:inbox"
        jobs = self.job(sender, elsewhere, "_job_drain", other.id, "inbox", **error)
        jobs |= self.job(self.env["res.partner"], "marketplace:of-theirs", "browse", [1], **error)
        ours = self.job(sender, f"marketplace:drain:{self.account.id}:inbox", "_job_drain", 0, "inbox", **error)
        ours |= self.job(self.env["marketplace.wake"], "marketplace:dispatch:again", "_job_dispatch", **error)
        self.forget()
        self.assertEqual(set(jobs.mapped("exc_info")), {error["exc_info"]})
        self.assertEqual(set(ours.mapped("exc_info")), {"ValueError: ***"})

    def test_a_customer_who_is_called_as_a_lane_is_forgotten_and_the_jobs_that_wait_do_their_work(self):
        self.customer.name = "offers"
        self.products[0].list_price = 12.0
        self.env["marketplace.wake"]._queue_drain(self.account.id, "offers")
        self.forget()
        self.run_jobs()
        self.assertEqual(self.at_box(self.products[0])["selling_price"], 12.0)

    def test_a_document_that_never_became_an_order_forgets_too(self):
        raw = {**self.document, "hashed_id": "no-order", "order_details": None}
        self.env["marketplace.inbox"]._store([(self.account, "order", "no-order", raw)], "pull")
        row = self.env["marketplace.inbox"].search([("external_id", "=", "no-order")])
        row._fail(f"{CANARY['retailer_name']}?")
        self.commit()
        self.forget()
        self.assertTrue(row.redacted_at)
        self.assertEqual(self.where(*WORDS), set())

    def test_a_merged_customer_is_forgotten_under_all_codes_at_all_accounts(self):
        second = self._create_account(name="Second")
        other = self.env["res.partner"].create(
            {"name": "Kanarienvogel II", "cartona_id": "retailer_KV00778", "marketplace_config_id": second.id}
        )
        wizard = self.env["base.partner.merge.automatic.wizard"]
        wizard._merge([self.customer.id, other.id], self.customer, extra_checks=False)
        order = self.env["sale.order"].create(
            {"partner_id": self.customer.id, "marketplace_config_id": second.id, "cartona_id": "there"}
        )
        self.assertEqual(self.customer.marketplace_code_ids.code, "retailer_KV00778")
        self.forget()
        self.assertEqual(order.partner_id.name, "Forgotten customer")
        self.assertEqual(self.where("KV0077", *WORDS), set())

    def test_who_is_a_customer_of_ours_too_stays_and_the_person_is_told(self):
        self.env["sale.order"].create({"partner_id": self.customer.id})
        answer = self.forget()
        self.assertEqual(answer["params"]["type"], "warning")
        self.assertIn(CANARY["retailer_name"], answer["params"]["message"])
        self.assertEqual((self.customer.name, self.customer.cartona_id), (CANARY["retailer_name"], False))
        self.assertFalse(self.customer.marketplace_phone2 or self.customer.marketplace_notes)
        self.assertFalse({"marketplace_inbox", "marketplace_sync_log"} & {table for table, _word in self.where(*WORDS)})

    def test_it_takes_a_manager_who_may_change_the_contact_and_sees_the_account(self):
        manager = "cartona_integration.group_marketplace_manager"
        seller = "base.group_partner_manager,sales_team.group_sale_salesman_all_leads"
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        for name, groups, values in (
            ("seller", seller, {}),
            ("user", f"{seller},cartona_integration.group_marketplace_user", {}),
            ("only-manager", manager, {}),
            ("stranger", f"{manager},{seller}", {"company_id": elsewhere.id, "company_ids": elsewhere.ids}),
        ):
            user = new_test_user(self.env, f"forget-{name}", f"base.group_user,{groups}", **values)
            with self.subTest(name), self.assertRaises(AccessError):
                self.customer.with_user(user).action_marketplace_forget()
        self.assertEqual(self.customer.name, CANARY["retailer_name"])
        both = new_test_user(self.env, "forget-both", f"base.group_user,{manager},{seller}")
        self.forget(self.customer.with_user(both))
        self.assertEqual(self.where(*WORDS), set())
        arch = self.customer.with_user(both).get_view(view_type="form")["arch"]
        self.assertIn("action_marketplace_forget", arch)
