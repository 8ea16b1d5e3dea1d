# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
from collections import Counter, defaultdict
from math import log

from odoo import models
from odoo.tools import SQL

from ..transport.names import closest, words

# Products that a name may find by its rare words. Where even the rarest word finds more, the name says too little.
REACH = 1000
# Products that a name is compared with, those that have most of its rare words.
SHORTLIST = 10
# A rare word of a name finds products; the weights of all words that a product has of the name give it its place. Lists
# of words are grouped to arrays, one for each spelling: a join with what is known to be unique is planned as one pass
# over the words of the products.
PICK = """
    WITH shared AS MATERIALIZED (
        SELECT * FROM unnest(%s::int[], %s::int[], %s::float8[], %s::bool[])
                   AS s (name, word, weight, rare)
    ), written AS MATERIALIZED (
        SELECT * FROM unnest(%s::int[], %s::text[]) AS w (word, spelling)
    ), pair AS MATERIALIZED (
        SELECT DISTINCT unnest(names) AS name, product_id
          FROM marketplace_product_word
          JOIN (SELECT spelling, array_agg(name) AS names
                  FROM shared JOIN written USING (word) WHERE rare GROUP BY spelling
               ) AS rare USING (spelling)
    ), product AS MATERIALIZED (
        SELECT product_id, array_agg(word) AS has
          FROM (SELECT product_id, unnest(words) AS word
                  FROM marketplace_product_word
                  JOIN (SELECT spelling, array_agg(word) AS words FROM written GROUP BY spelling
                       ) AS known USING (spelling)
                 WHERE product_id IN (SELECT product_id FROM pair)
               ) AS hit
      GROUP BY product_id
    ), name AS (
        SELECT name, array_agg(word) AS words, array_agg(weight) AS weights FROM shared GROUP BY name
    ), likeness AS (
        SELECT name, product_id,
               (SELECT sum(weight) FROM unnest(words, weights) AS u (word, weight) WHERE word = ANY(has)
               ) AS likeness
          FROM pair JOIN name USING (name) JOIN product USING (product_id)
    ), placed AS (
        SELECT *, row_number() OVER (PARTITION BY name ORDER BY likeness DESC, product_id) AS place
          FROM likeness
    )
    SELECT name, product_id FROM placed WHERE place <= %s ORDER BY name, place
"""


class MarketplaceMatching(models.AbstractModel):
    """Suggests products by their names, for what matching did not find. A person decides.

    The products are read once for all names, whatever their number: their words go into a temporary table, as they are
    written. Python makes the distinct ones comparable and finds out which are rare; the database then picks a few
    products for each name, and Python ranks those.
    """

    _inherit = "marketplace.matching"

    def _suggest(self, config, names):
        """Return up to three products of ours that each remote product may be, by its name in any language.

        Only products that are on sale, of the account's company and not listed at the account. Meant for jobs: it reads
        all products, so ask for many names at once, up to about a thousand.

        :param list names: ``[(key, name)]``; a key is anything that tells the names apart
        :return: ``{key: product.product}``, the best first, empty where no name is like it
        """
        wanted = {key: set(words(name)) for key, name in names}
        shortlist = self._shortlist(config, wanted) if any(wanted.values()) else {}
        products = self.env["product.product"].browse({product_id for ids in shortlist.values() for product_id in ids})
        known = self._known_names(products)
        suggestions = {}
        for key, name in names:
            ranked = closest(name, {product_id: known[product_id] for product_id in shortlist.get(key, ())})
            suggestions[key] = products.browse(ranked)
        return suggestions

    def _finish_catalogue(self, config, since):
        """The catalogue was read to its end: forget what it had no more ``since`` the reading began, and look what the
        rest may be."""
        self.env["marketplace.unmatched"]._tidy(config, since)
        self._request_suggestions(config)

    def _request_suggestions(self, config, after=0):
        """Have suggestions found for the unknown products, or those behind the row ``after``."""
        count = self.env["marketplace.unmatched"]._count_unknown(config, after)
        if count:
            self.env["marketplace.task"]._start(config, "suggest", total=count, cursor=str(after))

    # ------------------------------------------------------------------ steps

    def _known_names(self, products):
        """Return the names of the products, with those of their attributes: ``{product id: {name}}``."""
        names = defaultdict(set)
        for language, _label in self.env["res.lang"].get_installed():
            for product in products.with_context(lang=language):
                values = product.product_template_attribute_value_ids.mapped("name")
                names[product.id].add(" ".join([product.name, *values]))
        return names

    def _shortlist(self, config, wanted):
        """Return the products that share most words with each name, rare words above all: ``{key: [product id]}``."""
        self._collect_words(config)
        spellings, reach = self._spellings(set().union(*wanted.values()))
        numbers = {word: number for number, word in enumerate(reach)}
        shared = []
        for place, found in enumerate(wanted.values()):
            rare = self._rare(found, reach)
            shared += [(place, numbers[word], 1 / log(1 + reach[word]), word in rare) for word in found & reach.keys()]
        keys = list(wanted)
        shortlist = defaultdict(list)
        for place, product_id in self._pick(shared, [(numbers[word], spelling) for word, spelling in spellings]):
            shortlist[keys[place]].append(product_id)
        return shortlist

    def _rare(self, found, reach):
        """Return the rarest words, as many as find a bounded number of products."""
        rare, total = set(), 0
        for word in sorted(found & reach.keys(), key=lambda word: (reach[word], word)):
            total += reach[word]
            if total > REACH:
                break
            rare.add(word)
        return rare

    def _collect_words(self, config):
        """Write down, in a temporary table, which words are in the names of the products that may be suggested."""
        self.env.flush_all()
        self.env.cr.execute("DROP TABLE IF EXISTS marketplace_product_word")
        self.env.cr.execute(
            SQL(
                """
                CREATE TEMPORARY TABLE marketplace_product_word ON COMMIT DROP AS
                WITH free AS (
                    SELECT p.id, t.name
                      FROM product_product p
                      JOIN product_template t ON t.id = p.product_tmpl_id
                     WHERE p.active AND t.active AND t.sale_ok AND (t.company_id IS NULL OR t.company_id = ANY(%s))
                       AND NOT EXISTS (
                           SELECT 1 FROM marketplace_listing l
                            WHERE l.product_id = p.id AND l.config_id = %s AND l.active)
                ), text AS (
                    SELECT free.id, said.value FROM free CROSS JOIN LATERAL jsonb_each_text(free.name) AS said
                     UNION ALL
                    SELECT free.id, said.value
                      FROM free
                      JOIN product_variant_combination c ON c.product_product_id = free.id
                      JOIN product_template_attribute_value tv ON tv.id = c.product_template_attribute_value_id
                      JOIN product_attribute_value v ON v.id = tv.product_attribute_value_id
                     CROSS JOIN LATERAL jsonb_each_text(v.name) AS said
                )
                SELECT text.id AS product_id, spelling
                  FROM text CROSS JOIN LATERAL unnest(string_to_array(text.value, ' ')) AS spelling
                """,
                config.company_id.parent_ids.ids,
                config.id,
            )
        )

    def _spellings(self, wanted):
        """Return how the ``wanted`` words are written in the names of the products, ``[(word, spelling)]``, and how
        often, ``{word: times}``."""
        self.env.cr.execute("SELECT spelling, count(*) FROM marketplace_product_word GROUP BY spelling")
        spellings, reach = [], Counter()
        for spelling, times in self.env.cr.fetchall():
            for word in wanted.intersection(words(spelling)):
                spellings.append((word, spelling))
                reach[word] += times
        return spellings, reach

    def _pick(self, shared, spellings):
        """Return the shortlist, ``[(number of the name, product id)]``, the best first.

        :param list shared: ``[(number of the name, number of the word, weight, whether it is rare)]``
        :param list spellings: ``[(number of the word, spelling)]``
        """
        if not shared:
            return []
        self.env.cr.execute(
            SQL(PICK, *map(list, zip(*shared, strict=True)), *map(list, zip(*spellings, strict=True)), SHORTLIST)
        )
        return self.env.cr.fetchall()
