"""Hold data streams to AWS's rules at the front door: moto keeps them, and makes them ACTIVE at once.

What this package adds is listed in `ADDED`, which docs/local-cloud-coverage.md shows.
"""

from __future__ import annotations

from typing import Final

ADDED: Final = {
    "CreateStream": "CREATING for `kinesis.creating_seconds` (3 s; AWS: 10 to 30); counts of streams in "
    "CREATING, of on-demand streams and of provisioned shards; `Tags`, which moto drops",
    "DeleteStream": "refused while CREATING; moto deletes at once, so there is no DELETING",
    "DescribeStream": "CREATING, without shards",
    "DescribeStreamSummary": "CREATING, without shards",
    "ListStreams": "CREATING in the summaries",
    "DescribeLimits": "the limits in force and what is used of them",
    "UpdateShardCount": "count of provisioned shards; moto is never UPDATING",
    "UpdateStreamMode": "count of on-demand streams; two switches a day are not counted",
    "PutRecord": "ResourceNotFoundException while CREATING; a shard's 1 MB/s and 1,000 records/s are not "
    "held to, and moto takes records up to 1 MB",
    "PutRecords": "as PutRecord",
    "GetRecords": "a shard's 2 MB/s are not held to",
}
