# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import new_test_user
from odoo.tools import SQL

from ..models import res_partner
from ..schemas import Customer, Order
from .common import MarketplaceCase

PHONE = "+201000000001"
CONTACTS = 20_000
NAME = "سوبر ماركت النور"


def shop(code="A00315", phone=PHONE, **values):
    """A retailer as Cartona tells of one."""
    return {
        "retailer_name": NAME,
        "retailer_code": code,
        "retailer_number": phone,
        "retailer_address": "١ شارع التجربة، القاهرة، ",
        **values,
    }


class TestCustomers(MarketplaceCase):
    def prepare(self):
        super().prepare()
        self.env.company.country_id = self.env.ref("base.eg")
        self.list_products()
        self.account.confirm_policy = "never"

    def contact(self, **values):
        return self.env["res.partner"].create({"name": "Known for years", **values})

    def place(self, retailer, **values):
        return self.box_order((self.products[0], 1, 5.0), retailer=retailer, **values)

    def orders_of(self, *retailers):
        """Return the sales orders of new marketplace orders that are pulled together."""
        documents = [self.place(retailer) for retailer in retailers]
        self.pull()
        return [self.order_of(document) for document in documents]

    def customer_of(self, retailer):
        return self.orders_of(retailer)[0].partner_id

    # ------------------------------------------------------------------ who it is

    def test_a_customer_with_a_code_is_found_by_it_whatever_else_changed(self):
        first = self.customer_of(shop())
        self.assertEqual(first.cartona_id, "retailer_A00315")
        self.assertEqual(first.name, NAME)
        self.assertEqual(self.customer_of(shop(phone="+201000000002", retailer_name="New name")), first)
        self.assertEqual(first.name, NAME)

    def test_two_shops_of_one_phone_and_one_name_stay_two(self):
        first, second = self.orders_of(shop("A1"), shop("A2"))
        self.assertNotEqual(first.partner_id, second.partner_id)

    def test_a_contact_with_the_phone_becomes_the_customer_and_stays_as_it_is(self):
        contact = self.contact(phone="0100 000 0001", street="Kept 1", company_id=False)
        self.assertEqual(self.customer_of(shop()), contact)
        self.assertEqual((contact.name, contact.street, contact.phone), ("Known for years", "Kept 1", "0100 000 0001"))
        self.assertEqual((contact.cartona_id, contact.marketplace_config_id), ("retailer_A00315", self.account))
        self.assertIn("Recognised by the phone number", contact.message_ids[0].body)

    def branch_account(self):
        """Return the account of a branch, in place of its company's, which is put away."""
        branch = self.env["res.company"].create({"name": "Branch", "parent_id": self.env.company.id})
        self.account.active = False
        self.account = self._create_account(name="Branch", company_id=branch.id, warehouse_ids=False)
        self.account.confirm_policy = "never"
        return self.account

    def test_a_branch_knows_the_contacts_of_its_company_and_no_other_branchs(self):
        company = self.env.company
        branch = self.branch_account().company_id
        self.env["res.company"].create({"name": "Sister", "parent_id": company.id})
        sister = self.env["res.company"].search([("name", "=", "Sister")])
        for owner, number, known in ((company, 1, True), (branch, 2, True), (sister, 3, False)):
            contact = self.contact(phone=f"+20100000010{number}", company_id=owner.id)
            customer = self.customer_of(shop(f"B{number}", phone=contact.phone))
            self.assertEqual(customer == contact, known, owner.name)

    def test_a_phone_is_the_same_however_it_is_written(self):
        for index, written in enumerate(
            ("+20 100-000-0001", "0020 100 000 0001", "01000000001", "٠١٠٠٠٠٠٠٠٠١", "+٢٠١٠٠٠٠٠٠٠٠١", "۰۱۰۰ ۰۰۰ ۰۰۰۱")
        ):
            with self.subTest(written=written):
                contact = self.contact(phone=written)
                self.assertEqual(self.customer_of(shop(f"W{index}")), contact)
                again = self.contact(phone=PHONE)
                contact.active = False
                self.assertEqual(self.customer_of(shop(f"V{index}", phone=written)), again)
                again.active = False

    def test_a_number_of_another_country_is_another_number(self):
        # The same digits with and without the trunk prefix: +33 1 00 00 00 01 is no number of Egypt.
        contact = self.contact(phone="0100000001", country_id=self.env.ref("base.fr").id)
        self.assertNotEqual(self.customer_of(shop(phone="+20100000001")), contact)
        self.assertNotEqual(self.customer_of(shop("A2", phone="+201000000001")), contact)

    def test_two_contacts_with_the_phone_are_left_alone_and_named_on_the_new_customer(self):
        contacts = self.contact(phone="01000000001") | self.contact(name="The other one", phone=PHONE)
        customer = self.customer_of(shop())
        self.assertNotIn(customer, contacts)
        self.assertFalse(any(contacts.mapped("cartona_id")))
        note = customer.message_ids.filtered(lambda message: "Merge it if" in (message.body or "")).body
        self.assertIn("Known for years", note)
        self.assertIn("The other one", note)

    def test_whoever_has_a_user_catches_no_orders_by_the_number_of_a_shop(self):
        for active in (True, False):
            user = new_test_user(self.env, f"portal-{active}", groups="base.group_portal")
            user.partner_id.phone = PHONE
            user.active = active
            customer = self.customer_of(shop(f"P{active}"))
            self.assertNotEqual(customer, user.partner_id)
            self.assertFalse(user.partner_id.cartona_id)
            self.assertIn("Merge it if it is", str(customer.message_ids.mapped("body")))
            self.assertIn(user.partner_id.name, str(customer.message_ids.mapped("body")))
            customer.active = False

    def test_a_customer_who_was_given_a_user_stays_one_when_the_code_comes(self):
        customer = self.customer_of(shop(code=None))
        self.assertEqual(customer.cartona_id, f"phone_{PHONE}")
        new_test_user(self.env, "portal-shop", groups="base.group_portal", partner_id=customer.id)
        self.assertEqual(self.customer_of(shop()), customer)
        self.assertEqual(customer.cartona_id, "retailer_A00315")

    def test_what_is_no_customer_is_not_taken_over(self):
        other = self.env["res.company"].create({"name": "Other company"})
        parent = self.contact()
        user = self.env["res.users"].create({"name": "Seller", "login": "seller-of-the-tests"})
        user.partner_id.phone = PHONE
        self.env.company.partner_id.phone = PHONE
        taken = self.contact(phone=PHONE, active=False)
        taken |= self.contact(phone=PHONE, company_id=other.id)
        taken |= self.contact(phone=PHONE, parent_id=parent.id)
        taken |= self.contact(phone=PHONE, type="delivery")
        taken |= user.partner_id | self.env.company.partner_id
        self.assertNotIn(self.customer_of(shop()), taken)
        self.assertFalse(any(taken.mapped("cartona_id")))

    def test_a_customer_of_another_token_keeps_its_code_and_is_named(self):
        other = self._create_account(name="Other token", use_cartona_id=False)
        contact = self.contact(phone=PHONE, cartona_id="retailer_B7", marketplace_config_id=other.id)
        customer = self.customer_of(shop())
        self.assertNotEqual(customer, contact)
        self.assertEqual(contact.cartona_id, "retailer_B7")
        self.assertIn("Known for years", "".join(customer.message_ids.mapped("body")))

    def test_accounts_that_share_a_token_share_their_customers(self):
        self.account.supplier_code = "1"
        self.box.options.supplier_codes = ("1", "2")
        second = self._create_account(
            name="Second", credentials_id=self.account.id, supplier_code="2", use_cartona_id=False
        )
        self.env["marketplace.listing"].create(
            {"config_id": second.id, "product_id": self.products[0].id, "external_id": str(1000 + self.products[0].id)}
        )
        documents = [self.place(shop(), supplier_code=code) for code in ("1", "2")]
        self.pull()
        orders = self.env["sale.order"].search([("cartona_id", "in", [d["hashed_id"] for d in documents])])
        self.assertEqual(orders.marketplace_config_id, self.account | second)
        self.assertEqual(len(orders.partner_id), 1)
        self.assertEqual(orders.partner_id.marketplace_config_id, self.account)

    # ------------------------------------------------------------------ without a code

    def test_a_customer_without_a_code_is_found_by_the_phone_next_time(self):
        first = self.customer_of(shop(None))
        self.assertEqual(first.cartona_id, "phone_+201000000001")
        self.assertEqual(self.customer_of(shop(None, phone="0100 000 0001", retailer_name="Another name")), first)

    def test_two_shops_of_one_name_without_codes_stay_two(self):
        first, second, third = self.orders_of(shop(None), shop(None, phone="+201000000002"), shop(None, phone=""))
        fourth = self.orders_of(shop(None, phone=""))[0]
        self.assertEqual(len((first | second | third | fourth).partner_id), 4)

    def test_the_code_takes_the_place_of_the_phone_when_it_comes(self):
        customer = self.customer_of(shop(None))
        self.assertEqual(self.customer_of(shop()), customer)
        self.assertEqual(customer.cartona_id, "retailer_A00315")
        self.assertEqual(self.customer_of(shop(None)), customer)

    def test_an_order_without_a_code_beside_one_with_it_is_of_the_same_customer(self):
        first, second = self.orders_of(shop(None), shop())
        self.assertEqual(first.partner_id, second.partner_id)
        self.assertEqual(first.partner_id.cartona_id, "retailer_A00315")

    def test_merging_keeps_the_code_rather_than_the_phone(self):
        coded, by_phone = self.customer_of(shop(phone="")), self.customer_of(shop(None))
        self.env["base.partner.merge.automatic.wizard"]._merge((coded | by_phone).ids, by_phone)
        self.assertEqual(by_phone.cartona_id, "retailer_A00315")

    def merge(self, *partners):
        """Merge contacts into the last of them."""
        self.env["base.partner.merge.automatic.wizard"]._merge([partner.id for partner in partners], partners[-1])
        return partners[-1]

    def test_all_codes_find_the_contact_that_two_shops_were_merged_into(self):
        shops = [self.customer_of(shop(f"A{n}", phone=f"+20100000001{n}")) for n in range(3)]
        self.merge(*shops[:2])
        merged = self.merge(*shops[1:])
        orders = self.orders_of(shop("A0", phone=""), shop("A1", phone=""), shop("A2", phone=""))
        self.assertEqual([order.partner_id for order in orders], [merged] * 3)
        self.assertEqual(merged.cartona_id, "retailer_A2", "the contact that stays keeps its own")

    def test_the_codes_of_two_tokens_find_the_contact_that_both_were_merged_into(self):
        other = self._create_account(name="Other token", use_cartona_id=False)
        theirs = self.contact(cartona_id="retailer_A00315", marketplace_config_id=other.id)
        merged = self.merge(theirs, self.customer_of(shop(phone="")))
        self.assertEqual(self.customer_of(shop(phone="")), merged)
        order = self.schema_order("A00315")
        self.assertEqual(self.env["res.partner"]._marketplace_resolve(other, [order])["x"][0], merged)

    def schema_order(self, code):
        """Return a neutral order of the shop ``code``, as whatever marketplace may tell of it."""
        return Order("x", "pending", "pending", Customer(code=code, name=NAME), [])

    def test_a_customer_that_is_deleted_is_known_by_no_code_any_more(self):
        merged = self.merge(
            self.contact(cartona_id="retailer_B1", marketplace_config_id=self.account.id),
            self.contact(cartona_id="retailer_B2", marketplace_config_id=self.account.id),
        )
        merged.unlink()
        self.assertTrue(self.customer_of(shop("B1", phone="")).exists())

    # ------------------------------------------------------------------ addresses

    def test_the_address_of_an_order_is_a_delivery_contact_of_the_customer(self):
        retailer = shop(retailer_number2="+201000000009", address_notes="بجوار الصيدلية")
        document = self.place(retailer, distribution_route_code="001#033")
        self.pull()
        order = self.order_of(document)
        address = order.partner_shipping_id
        self.assertEqual((address.parent_id, address.type), (order.partner_id, "delivery"))
        self.assertEqual(address.street, "١ شارع التجربة، القاهرة")
        self.assertEqual(address.phone, PHONE)
        for contact in (address, order.partner_id):
            self.assertEqual(contact.marketplace_phone2, "+201000000009")
            self.assertEqual(contact.marketplace_notes, "بجوار الصيدلية")
            self.assertEqual(contact.marketplace_route_code, "001#033", "it stands on the order, not on the retailer")
        self.assertEqual(order.partner_invoice_id, order.partner_id)

    def test_the_same_address_is_the_same_contact_however_it_is_spaced(self):
        first, second = self.orders_of(shop(), shop(retailer_address="1  شارع التجربة ,القاهرة"))
        self.assertEqual(first.partner_shipping_id, second.partner_shipping_id)
        third = self.orders_of(shop(address_notes="Ring twice"))[0]
        self.assertEqual(first.partner_shipping_id, third.partner_shipping_id)
        self.assertEqual(first.partner_shipping_id.marketplace_notes, "Ring twice")

    def test_a_new_address_is_a_new_contact_and_an_older_order_keeps_its_own(self):
        old = self.orders_of(shop())[0]
        before = old.partner_shipping_id
        new = self.orders_of(shop(retailer_address="٢ شارع آخر"))[0]
        self.assertEqual(new.partner_id, old.partner_id)
        self.assertNotEqual(new.partner_shipping_id, before)
        self.assertEqual(old.partner_shipping_id, before)
        self.assertEqual(before.street, "١ شارع التجربة، القاهرة")
        self.assertEqual(self.orders_of(shop())[0].partner_shipping_id, before)

    def test_a_corrected_address_goes_on_being_used(self):
        order = self.orders_of(shop())[0]
        order.partner_shipping_id.street = "1 Experiment Street, Cairo"
        self.assertEqual(self.orders_of(shop())[0].partner_shipping_id, order.partner_shipping_id)

    def test_an_order_without_an_address_makes_no_contact(self):
        customer = self.customer_of(shop(retailer_address="", retailer_number2="+201000000009"))
        self.assertFalse(customer.child_ids)
        self.customer_of(shop(retailer_address="", retailer_number2="+201000000008"))
        self.assertEqual(customer.marketplace_phone2, "+201000000008")

    def test_a_new_phone_reaches_who_delivers(self):
        first = self.orders_of(shop())[0]
        second = self.orders_of(shop(phone="+201000000002"))[0]
        self.assertEqual(second.partner_shipping_id, first.partner_shipping_id)
        self.assertEqual(second.partner_shipping_id.phone, "+201000000002")
        customer = self.customer_of(shop("A00316", retailer_address=""))
        self.assertEqual(self.customer_of(shop("A00316", "+201000000003", retailer_address="")), customer)
        self.assertEqual(customer.phone, "+201000000003")

    def test_a_phone_that_was_corrected_here_stays_and_the_order_names_the_new_one(self):
        address = self.orders_of(shop())[0].partner_shipping_id
        address.phone = "02 1234567"
        order = self.orders_of(shop(phone="+201000000002"))[0]
        self.assertEqual((order.partner_shipping_id, address.phone), (address, "02 1234567"))
        told = "".join(order.message_ids.mapped("body"))
        self.assertIn("another phone", told)
        self.assertNotIn("+201000000002", told, "a message would keep it when the customer is forgotten")
        address.phone = "+201000000002"  # as a person who has read it may do
        self.orders_of(shop(phone="+201000000004"))
        self.assertEqual(address.phone, "+201000000004")

    def test_a_phone_that_is_only_written_otherwise_is_none_of_an_orders_news(self):
        address = self.orders_of(shop())[0].partner_shipping_id
        address.phone = "0100 000 0001"
        order = self.orders_of(shop())[0]
        self.assertEqual(address.phone, "0100 000 0001")
        self.assertNotIn("another phone", "".join(order.message_ids.mapped("body")))

    def test_what_a_person_has_entered_of_a_customer_is_not_overwritten(self):
        contact = self.contact(phone="0100 000 0001")
        self.assertEqual(self.customer_of(shop(retailer_address="")), contact)
        order = self.orders_of(shop(phone="+201000000002", retailer_address=""))[0]
        self.assertEqual(contact.phone, "0100 000 0001")
        self.assertIn("another phone", "".join(order.message_ids.mapped("body")))

    # ------------------------------------------------------------------ many

    def neutral(self, number, **values):
        return Order(
            external_id=f"order-{number}",
            status="pending",
            raw_status="pending",
            customer=Customer(
                "Shop", code=f"M{number}", phone=f"+2010{number:08}", street=f"Street {number}", **values
            ),
            lines=[],
        )

    def count_queries(self, orders):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        resolved = self.env["res.partner"]._marketplace_resolve(self.account, orders)
        self.assertEqual(len(resolved), len(orders))
        self.env.flush_all()
        return self.env.cr.sql_log_count - before

    def test_a_page_of_known_customers_is_found_in_a_few_queries(self):
        orders = [self.neutral(number) for number in range(100)]
        first = self.env["res.partner"]._marketplace_resolve(self.account, orders)
        self.assertLess(self.count_queries(orders), 8)
        self.assertEqual(self.env["res.partner"]._marketplace_resolve(self.account, orders), first)

    def test_new_customers_are_looked_for_in_as_many_queries_as_one(self):
        partners = type(self.env["res.partner"])
        create, created = partners.create, []

        def count_apart(self_, vals_list):  # what Odoo asks for when it creates is not ours
            before = self_.env.cr.sql_log_count
            result = create(self_, vals_list)
            self_.env.flush_all()
            created.append(self_.env.cr.sql_log_count - before)
            return result

        self.patch(partners, "create", count_apart)
        one = self.count_queries([self.neutral(1)]) - sum(created)
        created.clear()
        many = self.count_queries([self.neutral(number) for number in range(100, 200)]) - sum(created)
        self.assertEqual(len(created), 2, "the customers at once, then their addresses at once")
        self.assertLessEqual(many, one + 4)

    def test_a_country_that_a_page_names_is_looked_up_once(self):
        search_named, looked_up = res_partner._search_named, []

        def noted(records, domain, word):
            looked_up.append(word)
            return search_named(records, domain, word)

        self.patch(res_partner, "_search_named", noted)
        orders = [self.neutral(number, country="KE", state="Mombasa") for number in range(300, 310)]
        partners = self.env["res.partner"]._marketplace_resolve(self.account, orders)
        self.assertEqual({partner.country_id.code for partner, _address in partners.values()}, {"KE"})
        self.assertEqual(looked_up.count("KE"), 1)

    def test_among_many_contacts_a_phone_is_found_by_an_index(self):
        pattern = self.contact()
        self.env.flush_all()
        own = ("id", "name", "phone")
        columns = [name for name, field in pattern._fields.items() if field.store and field.column_type]
        others = SQL(", ").join(SQL.identifier(name) for name in columns if name not in own)
        self.env.cr.execute(
            SQL(
                "INSERT INTO res_partner (name, phone, %s) SELECT 'big ' || n, '010' || lpad(n::text, 8, '0'), %s "
                "FROM res_partner, generate_series(1, %s) AS n WHERE id = %s",
                others,
                others,
                CONTACTS,
                pattern.id,
            )
        )
        self.env.cr.execute("ANALYZE res_partner")
        cursor_class, seen = type(self.env.cr), []
        execute = cursor_class.execute

        def note(cursor, query, params=None, log_exceptions=True):
            text = cursor.mogrify(query, params).decode()
            if "NO KEY UPDATE" in text:
                seen.append(text)
            return execute(cursor, query, params, log_exceptions)

        self.patch(cursor_class, "execute", note)
        found = self.env["res.partner"]._marketplace_same_phone(self.account, {"+201000000777", "+201000010000"})
        self.assertEqual([partner.name for partner in found.values()], ["big 777", "big 10000"])
        self.env.cr.execute(SQL("EXPLAIN %s", SQL(seen[0].replace("%", "%%"))))
        plan = "\n".join(row[0] for row in self.env.cr.fetchall())
        self.assertIn("res_partner_marketplace_phone_idx", plan)
        self.assertNotIn("Seq Scan on res_partner", plan)
