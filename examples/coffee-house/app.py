"""Takes a coffee house's orders, instrumented as in Datadog's guide to end-to-end serverless monitoring."""

import logging
import os
import sqlite3
from contextlib import closing

import requests
from datadog_lambda.metric import lambda_metric
from datadog_lambda.wrapper import datadog_lambda_wrapper
from ddtrace import tracer

logging.getLogger().setLevel(logging.INFO)


@datadog_lambda_wrapper
def lambda_handler(event, _context):
    """Sell what `{"product": "latte"}` asks for. Raises LookupError if it is not on the menu."""
    product = event["product"]
    price = look_up_price(product)
    add_points(product)
    lambda_metric("coffee_house.order_value", price, tags=[f"product:{product}", "order:online"])
    logging.info("Sold: %s", product)
    return {"product": product, "price": price}


@tracer.wrap()
def look_up_price(product):
    """Return the price with today's voucher. A trace must not show the literals in these statements."""
    with closing(sqlite3.connect(":memory:")) as menu:
        menu.execute("CREATE TABLE menu (product TEXT, voucher TEXT, price REAL)")
        menu.execute("INSERT INTO menu VALUES ('latte', 'EARLY-BIRD-4711', 12.45)")
        found = menu.execute("SELECT price FROM menu WHERE voucher = 'EARLY-BIRD-4711' AND product = ?", (product,))
        row = found.fetchone()
    if row is None:
        raise LookupError(f"There is no {product} on the menu.")
    return row[0]


def add_points(product):
    """Notify the loyalty service. A trace must not show the card number in the query string either."""
    query = {"card": "LOYALTY-8150", "product": product}
    requests.get(os.environ["LOYALTY_URL"], params=query, timeout=5).raise_for_status()
