# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from odoo.tests import HttpCase, tagged

from .common import MarketplaceCase

MODULE = "cartona_integration"
ARABIC = "ar_001"


@tagged("post_install", "-at_install")
class TestTourArabic(MarketplaceCase, HttpCase):
    def prepare(self):
        super().prepare()
        self.env["res.lang"]._activate_lang(ARABIC)
        self.env["ir.module.module"]._load_module_terms([MODULE], [ARABIC])
        self.env.ref("base.user_admin").lang = ARABIC

    def test_dashboard_and_account_read_from_right_to_left_in_arabic(self):
        self.account.name = "كارتونا القاهرة"
        self.list_products()
        self.start_tour("/web", f"{MODULE}_arabic", login="admin", timeout=120)

    def test_what_python_says_is_arabic_too(self):
        words = self.env["marketplace.lane.offers"].with_context(lang=ARABIC)._unknown_there(self.account, "7")
        self.assertIn("المنتج غير موجود", words)
        self.assertIn("7", words)
        state = self.account.with_context(lang=ARABIC)._fields["state"]
        labels = dict(state._description_selection(self.env(context={"lang": ARABIC})))
        self.assertEqual(labels["live"], "يعمل")

    def test_the_arabic_of_syria_is_the_same(self):
        self.env["res.lang"]._activate_lang("ar_SY")
        self.env["ir.module.module"]._load_module_terms([MODULE], ["ar_SY"])
        menu = self.env.ref(f"{MODULE}.menu_marketplace")
        self.assertEqual(menu.with_context(lang="ar_SY").name, menu.with_context(lang=ARABIC).name)
        self.assertNotEqual(menu.with_context(lang="ar_SY").name, menu.with_context(lang="en_US").name)
