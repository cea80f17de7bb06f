"""Counts what became of the records of a trial, and exits 1 on any imbalance.

usage: balance.py TRIAL WRITTEN
"""

import collections
import json
import sys

import duckdb

trial, written = sys.argv[1], int(sys.argv[2])
failed = False


def balance(name, got, want):
    global failed
    failed |= got != want
    print(f"  {'ok' if got == want else 'OFF':4} {name:58} {got:>8} of {want}")


def lines(name):
    with open(f"{trial}/{name}", encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def rows(table):
    return duckdb.sql(f"""select metadata.uid as uid, activity_id from
        read_parquet('{trial}/lake/{table}/**/*.parquet', union_by_name = true)""").fetchall()


def doubled(ids):
    return sum(n - 1 for n in collections.Counter(ids).values())


broken = sum(1 for i in range(written) if i % 40 == 7)
events = [uid for uid, _ in rows("events")]
expected = {f"00000000-0000-4000-8000-{i:012d}" for i in range(written) if i % 40 != 7}
balance("events in the lake", len(events), written - broken)
balance("  that were written", len(expected & set(events)), len(expected))
balance("  doubled", doubled(events), 0)
balance("dead letters of broken lines", sum(letter["letters"] for letter in lines("letters.ndjson")), broken)

findings = rows("findings")
alerts = [uid for uid, activity in findings if activity == 1]
replayed = {f["metadata"]["uid"] for f in lines("replay.ndjson") if f["activity_id"] == 1}
balance("alerts in the lake", len(alerts), len(replayed))
balance("  that a replay of the same logs gives", len(replayed & set(alerts)), len(replayed))
balance("  and roll-ups, doubled", doubled(uid for uid, _ in findings), 0)
delivered = [f["metadata"]["uid"] for f in lines("alerts.ndjson")]
balance("alerts and roll-ups delivered", len(set(delivered) & {uid for uid, _ in findings}), len(findings))
balance("  doubled", doubled(delivered), 0)
if not replayed:
    sys.exit("no alert at all: the trial shows nothing")
sys.exit(failed)
