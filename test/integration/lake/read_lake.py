"""Reads a lake with DuckDB and with pyarrow and compares it with what must be in it.

usage: read_lake.py TABLE EXPECTED [--once] [--ignore PATH]...

TABLE is the directory of a table: LAKE/events or LAKE/findings. EXPECTED holds
one OCSF event per line, as JSON. Every row that a reader finds is turned back
into JSON and must be one of the expected events, and the other way round.
PATH (a.b) is left out of the comparison. With --once, an event that is expected
twice with the same uid and raw_data must be there once.

Each check is one line if it fails. The last line is "N passed, N failed".
"""

import argparse
import collections
import datetime
import glob
import json
import os
import sys

import duckdb
import pyarrow.dataset
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MILLISECOND = datetime.timedelta(milliseconds=1)
SHOWN = 5  # failures of one check


class Checks:
    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, name, problems):
        """Counts a check, which passes if there are no problems."""
        if not problems:
            self.passed += 1
            return
        self.failed += 1
        print(f"FAILED {name}: {len(problems)} problems")
        for p in problems[:SHOWN]:
            print("   ", p)


def to_json(value):
    """A value of a row as the event's JSON has it: null is absent, times are milliseconds."""
    if isinstance(value, dict):
        return {k: to_json(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [to_json(v) for v in value]
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // MILLISECOND
    return value


def parse_json_columns(value, expected):
    """Parses text that the expected event has as a JSON value (unmapped and its like)."""
    if isinstance(value, dict) and isinstance(expected, dict):
        return {k: parse_json_columns(v, expected.get(k)) for k, v in value.items()}
    if isinstance(value, list) and isinstance(expected, list) and len(value) == len(expected):
        return [parse_json_columns(v, e) for v, e in zip(value, expected)]
    if isinstance(value, str) and expected is not None and not isinstance(expected, str):
        return json.loads(value)
    return value


def without(event, paths):
    """The event without some attributes."""
    event = json.loads(json.dumps(event))
    for path in paths:
        *parents, last = path.split(".")
        at = event
        for p in parents:
            at = at.get(p, {})
        at.pop(last, None)
    return event


def canonical(event):
    return json.dumps(integral(event), sort_keys=True, ensure_ascii=False)


def integral(value):
    """The value with 3.0 as 3: JSON does not tell them apart."""
    if isinstance(value, dict):
        return {k: integral(v) for k, v in value.items()}
    if isinstance(value, list):
        return [integral(v) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def difference(path, want, got, out):
    """Appends where two JSON values differ, attribute by attribute."""
    if isinstance(want, dict) and isinstance(got, dict):
        for k in sorted(want.keys() | got.keys()):
            difference(f"{path}.{k}", want.get(k), got.get(k), out)
    elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        for i, (w, g) in enumerate(zip(want, got)):
            difference(f"{path}[{i}]", w, g, out)
    elif want != got or type(want) is not type(got) and not {type(want), type(got)} <= {int, float}:
        out.append(f"{path}: want {want!r:.80}, have {got!r:.80}")


class Expected:
    """The events that must be in the table, by class and by what names one."""

    def __init__(self, path, ignore, once):
        self.ignore = ignore
        self.by_class = collections.defaultdict(list)
        seen = set()
        with open(path, encoding="utf-8") as f:
            for line in f:
                event = json.loads(line)
                key = event["metadata"]["uid"], event.get("raw_data")
                if once and key in seen:
                    continue
                seen.add(key)
                self.by_class[event["class_uid"]].append(event)

    def compare(self, class_uid, rows):
        """The differences between the rows of a class and what is expected."""
        wanted = collections.defaultdict(list)
        for event in self.by_class[class_uid]:
            wanted[self.name(event)].append(without(event, self.ignore))
        problems = []
        for row in rows:
            candidates = wanted[self.name(row)]
            if not candidates:
                problems.append(f"a row that nothing expects: {self.name(row)}")
                continue
            row = without(row, self.ignore)
            parsed = [parse_json_columns(row, c) for c in candidates]
            same = [i for i, c in enumerate(candidates) if canonical(c) == canonical(parsed[i])]
            if not same:
                found = []
                difference("", candidates[0], parsed[0], found)
                problems.append(f"row {self.name(row)}: " + "; ".join(found))
            candidates.pop(same[0] if same else 0)
        for name, left in wanted.items():
            problems += [f"no row for {name}"] * len(left)
        return problems

    def name(self, event):
        """What finds an event: its uid, unless that is ignored."""
        if "metadata.uid" in self.ignore:
            return f"{event['time']} {event.get('raw_data', '')[:200]}"
        return event.get("metadata", {}).get("uid")


def read_duckdb(class_dir):
    """All rows of a class through DuckDB, with the partition columns."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    pattern = os.path.join(class_dir, "*", "*.parquet")
    table = db.sql(f"SELECT * FROM read_parquet('{pattern}', hive_partitioning = true, hive_types_autocast = false)")
    return table.to_arrow_table().to_pylist()


def read_pyarrow(class_dir):
    """All rows of a class through pyarrow, with the partition column."""
    schema = pyarrow.schema([("day", pyarrow.string())])
    partitioning = pyarrow.dataset.partitioning(schema, flavor="hive")
    return pyarrow.dataset.dataset(class_dir, format="parquet", partitioning=partitioning).to_table().to_pylist()


def check_class(checks, class_dir, expected):
    """Compares the rows of one class. Returns its class_uid."""
    class_uid = None
    for reader in (read_duckdb, read_pyarrow):
        name = f"{reader.__name__} {class_dir}"
        rows, days = [], []
        for row in reader(class_dir):
            days.append(row.pop("day"))
            row.pop("class", None)
            rows.append(to_json(row))
        class_uid = rows[0]["class_uid"]
        want = len(expected.by_class[class_uid])
        checks.check(f"{name}: count", [] if len(rows) == want else [f"{len(rows)} rows, want {want}"])
        checks.check(f"{name}: values", expected.compare(class_uid, rows))
        checks.check(f"{name}: days", [f"time {row['time']} in day={day}" for row, day in zip(rows, days) if day not in (day_of(row), "out_of_range")])
    return class_uid


def day_of(row):
    return (EPOCH + row["time"] * MILLISECOND).strftime("%Y-%m-%d")


def check_files(checks, files):
    """Checks what every file must have: order, field ids, page index."""
    for path in files:
        with pyarrow.parquet.ParquetFile(path) as f:
            times = f.read(columns=["time"]).column("time").to_pylist()
            problems = [] if times == sorted(times) else ["rows are not in order of time"]
            problems += [f"{field.name} has no field id" for field in fields_without_id(f.schema_arrow)]
            group = f.metadata.row_group(0)
            problems += [f"{c.path_in_schema} has no page index" for c in map(group.column, range(group.num_columns)) if not c.has_offset_index]
        checks.check(f"file {path}", problems)


def fields_without_id(fields):
    for field in fields:
        if b"PARQUET:field_id" not in (field.metadata or {}):
            yield field
        yield from fields_without_id([field.type.field(i) for i in range(field.type.num_fields)])


def check_lookups(checks, table, expected):
    """Looks some events up by uid through DuckDB, which prunes with statistics and bloom filters."""
    db = duckdb.connect()
    for class_uid, events in expected.by_class.items():
        uids = [e["metadata"]["uid"] for e in events[:: max(1, len(events) // 5)]]
        name = next(d for d in glob.glob(os.path.join(table, "class=*")) if class_of(d) == class_uid)
        pattern = os.path.join(name, "*", "*.parquet")
        problems = []
        for uid in uids:
            (n,) = db.execute(f"SELECT count(*) FROM read_parquet('{pattern}') WHERE metadata.uid = ?", [uid]).fetchone()
            want = sum(e["metadata"]["uid"] == uid for e in events)
            if n != want:
                problems.append(f"{n} rows with the uid {uid}, want {want}")
        checks.check(f"lookup {name}", problems)


def class_of(class_dir):
    """The class_uid of the rows in a directory."""
    path = glob.glob(os.path.join(class_dir, "*", "*.parquet"))[0]
    return pyarrow.parquet.read_table(path, columns=["class_uid"]).column(0)[0].as_py()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("table")
    parser.add_argument("expected")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--ignore", action="append", default=[])
    args = parser.parse_args()
    checks = Checks()
    expected = Expected(args.expected, args.ignore, args.once)
    class_dirs = sorted(glob.glob(os.path.join(args.table, "class=*")))
    found = {check_class(checks, d, expected) for d in class_dirs}
    checks.check("classes", [f"no rows of class {c}" for c in expected.by_class if c not in found])
    check_files(checks, sorted(glob.glob(os.path.join(args.table, "class=*", "day=*", "*"))))
    if "metadata.uid" not in args.ignore:
        check_lookups(checks, args.table, expected)
    print(f"{checks.passed} passed, {checks.failed} failed")
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    sys.exit(main())
