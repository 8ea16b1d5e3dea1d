# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""What is asked of Shopify, in GraphQL: one operation each, by its name.

The numbers of rows keep each query below 1,000 points, Shopify's limit for one: an object costs a point, and a
connection as many times what it holds as are asked for. What does not fit is fetched with ``MORE``.
"""

ORDERS_PAGE = 5
CATALOGUE_PAGE = 100
#: So many deliveries of an order are seen; their list has no pages.
DELIVERIES = 250
#: Of so many of them what they hold is asked for in one call.
CONTENTS_PAGE = 20
#: Shopify takes no longer list in one argument.
LONGEST_LIST = 250

_MONEY = "{ shopMoney { amount } }"
_PLACE = "pageInfo { hasNextPage endCursor }"
_TAXES = "taxLines { priceSet { shopMoney { amount } } }"

_LINE_ITEM = f"""
    id name sku quantity currentQuantity nonFulfillableQuantity variant {{ id }}
    originalUnitPriceSet {_MONEY} discountAllocations {{ allocatedAmountSet {_MONEY} }} {_TAXES}
"""
_SHIPPING_LINE = f"id title isRemoved discountedPriceSet {_MONEY} currentDiscountedPriceSet {_MONEY} {_TAXES}"
_ADDRESS = "{ name firstName lastName company address1 address2 city zip provinceCode countryCodeV2 phone }"
#: Where an order leaves from, which an app without any right to fulfil may not see.
_LEAVES = "status assignedLocation { name location { id } }"
_LEAVING = f"fulfillmentOrders(first: 5, displayable: true) {{ nodes {{ {_LEAVES} }} {_PLACE} }}"
_ORDER = f"""
    id name createdAt updatedAt cancelledAt cancelReason currencyCode taxesIncluded email phone note
    displayFinancialStatus displayFulfillmentStatus returnStatus
    customer {{ id displayName email phone }} shippingAddress {_ADDRESS} billingAddress {_ADDRESS}
    totalPriceSet {_MONEY} currentTotalPriceSet {_MONEY} totalRefundedSet {_MONEY}
    totalOutstandingSet {_MONEY}
    totalTipReceivedSet {_MONEY} currentTotalDutiesSet {_MONEY} currentTotalAdditionalFeesSet {_MONEY}
    {_LEAVING}
    shippingLines(first: 5) {{ nodes {{ {_SHIPPING_LINE} }} {_PLACE} }}
    lineItems(first: 10) {{ nodes {{ {_LINE_ITEM} }} {_PLACE} }}
"""
_TO_FULFIL = "id remainingQuantity lineItem { id }"
_FULFILLED = "quantity lineItem { id }"

TEST = """
query Test {
  shop { name currencyCode }
  locations(first: 250) { nodes { id name } }
  currentAppInstallation { accessScopes { handle } }
}"""

WHO = "query Who { shop { name } }"

VARIANTS = """
query Variants($first: Int!, $query: String, $location: ID!, $located: Boolean!) {
  productVariants(first: $first, query: $query, sortKey: ID) {
    nodes {
      id title sku barcode price inventoryPolicy inventoryQuantity product { id title }
      inventoryItem {
        id tracked
        inventoryLevel(locationId: $location) @include(if: $located) {
          quantities(names: ["available"]) { quantity }
        }
      }
    }
    pageInfo { hasNextPage }
  }
}"""

LOCATE = """
query Locate($ids: [ID!]!) {
  nodes(ids: $ids) { ... on ProductVariant { id inventoryPolicy product { id } inventoryItem { id tracked } } }
}"""

SET_PRICES = """
mutation SetPrices($product: ID!, $variants: [ProductVariantsBulkInput!]!) {
  productVariantsBulkUpdate(productId: $product, variants: $variants, allowPartialUpdates: true) {
    userErrors { field message code }
  }
}"""

_SET_QUANTITIES = """
mutation SetQuantities($input: InventorySetQuantitiesInput!%s) {
  inventorySetQuantities(input: $input)%s {
    inventoryAdjustmentGroup { id } userErrors { field message code }
  }
}"""
#: Up to 2026-01, where quantities are set whatever they were by a word; later by an explicit null for each.
SET_QUANTITIES_OLD = _SET_QUANTITIES % ("", "")
SET_QUANTITIES = _SET_QUANTITIES % (", $key: String!", " @idempotent(key: $key)")
OLD_VERSIONS = ("2025-10", "2026-01")

ORDERS = f"""
query Orders($first: Int!, $after: String, $query: String!) {{
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {{
    edges {{ cursor node {{ {_ORDER} }} }} {_PLACE}
  }}
}}"""

ORDER = f"query Order($id: ID!) {{ order(id: $id) {{ {_ORDER} }} }}"

FULFILLMENT_ORDERS = f"""
query FulfillmentOrders($id: ID!, $after: String) {{
  order(id: $id) {{
    fulfillmentOrders(first: 10, after: $after) {{
      nodes {{
        id status assignedLocation {{ location {{ id }} }}
        lineItems(first: 20) {{ nodes {{ {_TO_FULFIL} }} {_PLACE} }}
      }}
      {_PLACE}
    }}
  }}
}}"""

FULFILLMENTS = f"""
query Fulfillments($id: ID!) {{
  order(id: $id) {{
    fulfillmentsCount {{ count }}
    fulfillments(first: {DELIVERIES}) {{ id status createdAt trackingInfo {{ number }} }}
  }}
}}"""

CONTENTS = f"""
query Contents($ids: [ID!]!) {{
  nodes(ids: $ids) {{
    ... on Fulfillment {{ id fulfillmentLineItems(first: 20) {{ nodes {{ {_FULFILLED} }} {_PLACE} }} }}
  }}
}}"""

_MORE = """
query More($id: ID!, $after: String!) {
  node(id: $id) {
    ... on %s { rows: %s(first: 50, after: $after%s) { nodes { %s } pageInfo { hasNextPage endCursor } } }
  }
}"""
#: The rest of a connection that one page did not hold, by the kind of what it belongs to and its name.
MORE = {
    (kind, name): _MORE % (kind, name, only, row)
    for kind, name, only, row in (
        ("Order", "lineItems", "", _LINE_ITEM),
        ("Order", "shippingLines", "", _SHIPPING_LINE),
        ("Order", "fulfillmentOrders", ", displayable: true", _LEAVES),
        ("FulfillmentOrder", "lineItems", "", _TO_FULFIL),
        ("Fulfillment", "fulfillmentLineItems", "", _FULFILLED),
    )
}

FULFILL = """
mutation Fulfill($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) { fulfillment { id } userErrors { field message } }
}"""

CANCEL = """
mutation Cancel($id: ID!, $reason: OrderCancelReason!, $refund: Boolean!, $notify: Boolean!) {
  orderCancel(
    orderId: $id, reason: $reason, restock: true, notifyCustomer: $notify,
    refundMethod: { originalPaymentMethodsRefund: $refund }
  ) { job { id } orderCancelUserErrors { field message code } }
}"""

CANCELLED = "query Cancelled($id: ID!) { order(id: $id) { cancelledAt } }"

WEBHOOKS = """
query Webhooks($after: String) {
  webhookSubscriptions(first: 100, after: $after) {
    nodes { id topic uri format includeFields } pageInfo { hasNextPage endCursor }
  }
}"""

CREATE_WEBHOOK = """
mutation CreateWebhook($topic: WebhookSubscriptionTopic!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $webhook) { userErrors { field message } }
}"""

UPDATE_WEBHOOK = """
mutation UpdateWebhook($id: ID!, $webhook: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $webhook) { userErrors { field message } }
}"""


def set_quantities(version):
    """The mutation that sets stock, in the words of an API version."""
    return SET_QUANTITIES_OLD if version in OLD_VERSIONS else SET_QUANTITIES


def without_leaving(text):
    """A query of orders, without where they leave from."""
    return text.replace(_LEAVING, "")


def operation_name(text):
    """The name of the one operation of a document."""
    return text.split("(", 1)[0].split("{", 1)[0].split()[1]
