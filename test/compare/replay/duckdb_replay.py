"""The rule of test/compare/replay/write as a query: prints a line for each hit."""
import sys
import time

import duckdb

began = time.perf_counter()
rows = duckdb.sql(
    f"""
    SELECT metadata.uid, epoch_us(time) AS microseconds, api.operation, actor.user.name, actor.user.uid, src_endpoint.ip, cloud.account.uid
    FROM read_parquet('{sys.argv[1]}/events/class=api_activity/*/*.parquet', hive_partitioning = true)
    WHERE api.service.name = 'cloudtrail.amazonaws.com' AND api.operation = 'StopLogging' AND status_id = 1
    ORDER BY microseconds
    """
).fetchall()
for row in rows:
    print(*row, sep="\t")
print(f"query {time.perf_counter() - began:.3f} s", file=sys.stderr)
