"""Objects, dictionaries, JSON out and in: what a Python service does. PYTHONMALLOC=malloc is set by
compare, so that every object is a malloc of its own. Usage: objects.py ROUNDS"""

import hashlib
import json
import sys


class Order:
    def __init__(self, number, lines):
        self.number = number
        self.lines = lines
        self.note = f"order {number} with {len(lines)} lines"

    def as_dict(self):
        return {"number": self.number, "lines": self.lines, "note": self.note, "paid": None}


def make_orders(seed, count):
    orders = []
    for number in range(count):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        lines = [
            {"sku": f"item-{(seed >> shift) % 5000}", "price": (seed >> shift) % 997 / 8}
            for shift in range(2 + seed % 7)
        ]
        orders.append(Order(number, lines))
    return seed, orders


def main():
    rounds = int(sys.argv[1])
    digest = hashlib.sha256()
    seed = 1
    kept = []
    for turn in range(rounds):
        seed, orders = make_orders(seed, 4000)
        text = json.dumps([order.as_dict() for order in orders], sort_keys=True)
        back = json.loads(text)
        by_sku = {}
        for order in back:
            for line in order["lines"]:
                by_sku.setdefault(line["sku"], []).append(line["price"])
        totals = sorted((sku, len(prices), sum(prices)) for sku, prices in by_sku.items())
        digest.update(repr(totals[:100]).encode())
        kept.append([order.note for order in orders[:: 2 + turn % 3]])
        if len(kept) > 5:
            del kept[turn % 5]
    print(f"objects: {rounds} rounds, {digest.hexdigest()}")


main()
