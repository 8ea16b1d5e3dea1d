# Part of cartona_integration. See LICENSE for the full licence (LGPL-3).
"""The configuration of an account at ``sandbox.rest.RestBox``, for each dialect that it can be told."""

STATUSES = [
    {"raw": "NEW", "status": "pending", "direction": "in"},
    {"raw": "ACCEPTED", "status": "approved"},
    {"raw": "SENT", "status": "shipped"},
    {"raw": "DONE", "status": "delivered"},
    {"raw": "VOID", "status": "cancelled"},
]
PRODUCT_FIELDS = [
    {"field": "account.name", "path": "shop.title"},
    {"field": "product.external_id", "path": "id"},
    {"field": "product.name", "path": "name"},
    {"field": "product.sku", "path": "sku"},
    {"field": "product.price", "path": "price", "converter": "decimal"},
    {"field": "product.quantity", "path": "stock", "converter": "number"},
]
ORDER_FIELDS = [
    {"field": "order.external_id", "path": "id"},
    {"field": "order.reference", "path": "number"},
    {"field": "order.status", "path": "state", "converter": "status"},
    {"field": "order.ordered_at", "path": "created", "converter": "datetime"},
    {"field": "order.changed_at", "path": "updated", "converter": "datetime"},
    {"field": "order.currency", "path": "currency"},
    {"field": "order.total", "path": "total", "converter": "decimal"},
    {"field": "order.lines", "path": "rows"},
    {"field": "order.shipments", "path": "parcels[].tracking"},
    {"field": "customer.code", "path": "buyer.id"},
    {"field": "customer.name", "path": "buyer.full_name"},
    {"field": "customer.phone", "path": "buyer.tel"},
    {"field": "customer.street", "path": "buyer.where"},
    {"field": "line.external_id", "path": "row"},
    {"field": "line.product_external_id", "path": "item"},
    {"field": "line.product_sku", "path": "sku"},
    {"field": "line.quantity", "path": "qty", "converter": "number"},
    {"field": "line.price_unit", "path": "each", "converter": "decimal"},
    {"field": "shipped.line_id", "path": "row"},
    {"field": "shipped.quantity", "path": "qty", "converter": "integer"},
]
OFFER_FIELDS = [
    {"field": "offer.external_id", "path": "id", "operation": "push_offers"},
    {"field": "offer.price", "path": "price", "converter": "decimal"},
    {"field": "offer.quantity", "path": "stock", "converter": "integer"},
    {"field": "offer.unlimited", "path": "unlimited", "converter": "boolean", "operation": "push_offers"},
]
PAGINGS = {
    "page": {"paging": "page", "page_param": "page", "page_size": 5},
    "offset": {"paging": "offset", "page_param": "offset", "size_param": "limit", "page_size": 5},
    "cursor": {"paging": "cursor", "page_param": "cursor", "next_path": "next_cursor"},
    "link": {"paging": "link"},
    "next": {"paging": "next", "next_path": "links.next"},
}


def configuration(paging="page", results="all", queue=False, ships=True, **account):
    """The file of an account for ``RestBox``; ``results=None``: prices and stock go row by row."""
    pages = {**PAGINGS[paging], "records_path": "items"}
    endpoints = [
        {"operation": "test", "path": "me"},
        {"operation": "list_products", "path": "products", **pages},
        {"operation": "pull_orders", "path": "orders", "query": "since={since}", "overlap": 60, **pages},
        {"operation": "fetch_order", "path": "orders/{id}", "records_path": "order"},
        {
            "operation": "push_status",
            "method": "POST",
            "path": "orders/{id}/status",
            "body_kind": "json",
            "body": '{"state": "{status}"}',
        },
    ]
    if results:
        endpoints.append(
            {
                "operation": "push_offers",
                "method": "POST",
                "path": "products/batch",
                "body_kind": "json",
                "body": '{"rows": "{rows}"}',
                "batch_size": 3,
                "records_path": "results",
                "result_rows": results,
                "result_id_path": "id",
                "result_error_path": "error.message",
                "result_code_path": "error.code",
            }
        )
    else:
        for what in ("price", "stock"):
            put = {"operation": f"push_{what}", "method": "PUT", "path": f"products/{{id}}/{what}", "body_kind": "json"}
            endpoints.append(put)
    if queue:
        ack = {"operation": "acknowledge", "method": "POST", "path": "orders/ack", "body_kind": "json"}
        endpoints.append({**ack, "body": '{"ids": "{ids}"}', "batch_size": 50})
    if ships:
        endpoints.append(
            {
                "operation": "ship",
                "method": "POST",
                "path": "orders/{id}/shipments",
                "body_kind": "json",
                "body": '{"by": "{carrier}", "tracking": "{tracking}", "of": "{lines}"}',
            }
        )
    return {
        "format": "cartona_integration.rest",
        "version": 1,
        "name": "Plain",
        "account": {"rest_webhook_mode": "order", **account},
        "endpoints": endpoints,
        "fields": [*PRODUCT_FIELDS, *ORDER_FIELDS, *OFFER_FIELDS],
        "statuses": STATUSES,
    }
