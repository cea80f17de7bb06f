"""Shows how pyarrow and DuckDB read the tables of each writer.

usage: read.py DIR...    each holds principals.parquet and digests.parquet

Exits 1 unless every outcome is the one that docs/arrow-v17.md tells.
"""

import os
import sys

import duckdb
import pyarrow.parquet

ROWS = {
    "principals": [["alice"], None, [], ["bob", "carol"]],
    "digests": [[1, 2], [3, 4]],
}
# What docs/arrow-v17.md tells of each writer: how pyarrow reads each table, and
# whether the Parquet schema says what the program said (ids, elements never null).
TOLD = {
    "v17.0.0": {"principals": ("right", "lost"), "digests": ("WRONG", "lost")},
    "v18.2.0": {"principals": ("REFUSED", "lost"), "digests": ("right", "lost")},
    "v18.8.0": {"principals": ("right", "kept"), "digests": ("right", "kept")},
}


def with_pyarrow(path, column):
    return pyarrow.parquet.read_table(path).column(column).to_pylist()


def with_duckdb(path, column):
    return [None if v is None else list(v) for (v,) in duckdb.sql(f"SELECT {column} FROM '{path}'").fetchall()]


def read(reader, path, column):
    """What reading gives: the outcome and what to print."""
    try:
        rows = reader(path, column)
    except Exception as e:  # each reader has its own errors
        return "REFUSED", f"{type(e).__name__}: {e}".splitlines()[0]
    return "right" if rows == ROWS[column] else "WRONG", rows


def kept(path):
    """Whether list and element have their field ids, and the element is never null."""
    field = pyarrow.parquet.ParquetFile(path).schema_arrow.field(0)
    element = field.type.value_field
    ids = [(f.metadata or {}).get(b"PARQUET:field_id") for f in (field, element)]
    said = f"ids {[i and int(i) for i in ids]}, element {'nullable' if element.nullable else 'not null'}"
    return "kept" if all(ids) and not element.nullable else "lost", said


def main():
    surprises = 0
    for directory in sys.argv[1:]:
        writer = os.path.basename(directory)
        for column in ROWS:
            path = os.path.join(directory, column + ".parquet")
            schema, said = kept(path)
            print(f"{writer} {column}")
            print(f"  schema   {schema}: {said}")
            outcome = {}
            for reader in (with_pyarrow, with_duckdb):
                name = reader.__name__.removeprefix("with_")
                outcome[name], shown = read(reader, path, column)
                print(f"  {name:8} {outcome[name]}: {shown}")
            if (outcome["pyarrow"], schema) != TOLD[writer][column]:
                print(f"  docs/arrow-v17.md tells {TOLD[writer][column]}")
                surprises += 1
    print(f"{len(sys.argv[1:]) * len(ROWS) - surprises} as documented, {surprises} not")
    return 1 if surprises else 0


if __name__ == "__main__":
    sys.exit(main())
