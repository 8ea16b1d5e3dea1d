# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from .common import MarketplaceCase

SHOP = {
    "retailer_name": "Shop",
    "retailer_code": "A1",
    "retailer_number": "+201000000001",
    "retailer_address": "1 First Street",
}
NEW = "2 Second Street"


class TestChangedAddresses(MarketplaceCase):
    """The marketplace changes where an order is to be delivered."""

    def prepare(self):
        super().prepare()
        self.stock_products()

    def place(self, confirmed=True):
        self.account.confirm_policy = "always" if confirmed else "never"
        self.document = self.box_order((self.products[0], 10, 20.0), status="pending", retailer=SHOP)
        self.pull()
        order = self.order_of(self.document)
        self.assertEqual(order.partner_shipping_id.street, SHOP["retailer_address"])
        self.assertEqual(order.state, "sale" if confirmed else "draft")
        return order

    def move(self, address=NEW, **values):
        retailer = {**SHOP, "retailer_address": address}
        self.box.edit_order(self.document["hashed_id"], by="admin", retailer=retailer, **values)
        self.pull()

    def test_a_draft_is_delivered_to_where_the_marketplace_says_now(self):
        order = self.place(confirmed=False)
        self.move()
        self.assertEqual(order.partner_shipping_id.street, NEW)
        self.assertEqual(order.partner_shipping_id.parent_id, order.partner_id)
        self.assertFalse(order.activity_ids)

    def test_the_taxes_of_a_draft_are_those_of_the_new_address(self):
        self.account.tax_policy = "included"
        taxes = self.env["account.tax"].create(
            [{"name": name, "amount": amount, "price_include": True} for name, amount in (("Here", 10), ("There", 0))]
        )
        self.products[0].taxes_id = taxes[0]
        order = self.place(confirmed=False)
        place = self.env["account.fiscal.position"].create({"name": "There"})
        if "original_tax_ids" in taxes._fields:  # newer series
            taxes[1].write({"original_tax_ids": taxes[0].ids, "fiscal_position_ids": place.ids})
        else:
            place.tax_ids = [(0, 0, {"tax_src_id": taxes[0].id, "tax_dest_id": taxes[1].id})]
        address = order.partner_shipping_id.copy({"marketplace_address": NEW, "street": NEW, "type": "delivery"})
        address.property_account_position_id = place
        self.move()
        self.assertEqual((order.partner_shipping_id, order.fiscal_position_id), (address, place))
        self.assertEqual(order.order_line.tax_id.amount, 0)

    def test_so_is_a_confirmed_order_with_its_deliveries_as_long_as_nothing_has_left(self):
        order = self.place()
        self.move()
        address = order.partner_shipping_id
        self.assertEqual(address.street, NEW)
        self.assertEqual((order.picking_ids.partner_id, order.picking_ids.move_ids.partner_id), (address, address))
        self.assertFalse(order.activity_ids | order.picking_ids.activity_ids)
        self.assertIn("changed the delivery address", "".join(order.picking_ids.message_ids.mapped("body")))

    def test_once_a_part_has_left_a_person_is_asked_and_once_for_each_address(self):
        order = self.place()
        old, picking = order.partner_shipping_id, order.picking_ids
        picking.move_ids.write({"quantity": 6, "picked": True})
        picking.with_context(skip_backorder=True).button_validate()
        self.commit()
        self.move()
        self.assertEqual(order.partner_shipping_id, old)
        self.assertEqual(order.picking_ids.partner_id, old)
        self.assertEqual(order.activity_ids.mapped("summary"), ["Another delivery address at the marketplace"])
        order.activity_ids.action_done()
        self.move(note_message="x")
        self.assertFalse(order.activity_ids)
        self.move("3 Third Street")
        self.assertTrue(order.activity_ids)

    def test_an_address_chosen_here_stays_where_the_marketplace_changes_nothing_and_else_a_person_is_asked(self):
        order = self.place()
        chosen = order.partner_id.create({"name": "Back door", "parent_id": order.partner_id.id, "type": "delivery"})
        order.partner_shipping_id = chosen
        self.commit()
        order.picking_ids.activity_ids.unlink()
        self.move(SHOP["retailer_address"], note_message="x")
        self.assertEqual(order.partner_shipping_id, chosen)
        self.assertFalse(order.activity_ids)
        self.move()
        self.assertEqual(order.partner_shipping_id, chosen)
        self.assertTrue(order.activity_ids)

    def test_an_older_version_moves_nothing(self):
        order = self.place()
        order.marketplace_status = "shipped"
        self.move()
        self.assertEqual(order.partner_shipping_id.street, SHOP["retailer_address"])

    def test_a_customer_who_was_forgotten_gets_no_new_address(self):
        order = self.place()
        order.partner_id.action_marketplace_forget()
        before = order.partner_id.child_ids
        self.move()
        self.assertEqual((order.partner_id.child_ids, order.partner_shipping_id.street), (before, False))
