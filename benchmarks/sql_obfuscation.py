"""CPU of masking SQL against tokenizing it with `sqlparse` as shipped, in one run, on the same statements.

The reference is `sqlparse.lexer.tokenize`, the minimum that anything built on that library spends before it masks
anything.

    python -m benchmarks.sql_obfuscation [--statements 500] [--rounds 9]
"""

import argparse
import itertools
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent / "src")]

import sqlparse.lexer  # noqa: E402

from forwarder.traces.obfuscation import sql  # noqa: E402

# With what a library says of the database.
STATEMENTS = [
    (
        """SELECT a.id, b.name, COUNT(*) AS n FROM users a JOIN orders b ON a.id = b.user_id
    WHERE a.email = '{word}@{word}.com' AND b.total >= {number}.50 AND b.state IN ('{word}', '{word}', '{word}')
    GROUP BY a.id ORDER BY n DESC LIMIT {number}""",
        "",
    ),
    (
        """INSERT INTO "orders" ("id", "email", "at") VALUES ({number}, '{word}', NULL), ({number}, '{word}', NULL)""",
        "",
    ),
    (
        """UPDATE `orders` SET `state` = '{word}', `note` = 'it\\'s {word}' WHERE `id` = {number} /* {word} */""",
        "mysql",
    ),
    ("""SELECT data->'{word}'->>'{word}' FROM orders WHERE data @> '{{"{word}": {number}}}'::jsonb AND id = $1""", ""),
]


def statements(count: int) -> list[tuple[str, str]]:
    pick = random.Random(1)
    words = ["latte", "espresso", "mocha", "cortado", "ristretto"]
    return [
        (statement.format(word=pick.choice(words), number=pick.randrange(10**6)), database)
        for statement, database in itertools.islice(itertools.cycle(STATEMENTS), count)
    ]


def seconds(work: Callable[[], object], rounds: int) -> float:
    """Return the minimum CPU time of one call."""
    least = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        least = min(least, time.process_time() - start)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--statements", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    texts = statements(arguments.statements)
    part = ", 'latte', 12, a.b"
    one_large = "SELECT 1" + part * ((sql.MAX_CHARACTERS - 8) // len(part))

    ours = seconds(lambda: [sql.obfuscate(*text) for text in texts], arguments.rounds)
    theirs = seconds(lambda: [list(sqlparse.lexer.tokenize(text)) for text, _ in texts], arguments.rounds)
    large = seconds(lambda: sql.obfuscate(one_large), 3)
    size = sum(len(text) for text, _ in texts)
    print(f"masking:        {1e6 * ours / len(texts):7.0f} µs per statement of {size / len(texts):.0f} characters")
    print(f"sqlparse alone: {1e6 * theirs / len(texts):7.0f} µs")
    print(f"ratio:          {ours / theirs:7.2f}")
    more = large / len(one_large) / (ours / size)
    print(
        f"the longest that is read, {len(one_large) / 1e3:.0f} KB: {large:.3f} s, "
        f"{more:.2f} times as long per character"
    )


if __name__ == "__main__":
    main()
