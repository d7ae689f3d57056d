"""The file of schedules that an operator begins with.

Here: its text. Never here: what the words mean (config). Always: `config.load` reads it without a mistake.
"""

from __future__ import annotations

import json

_TEXT = """\
# What is done by the clock, by `credit-trading jobs start`. Look at it with `credit-trading jobs list`.
#
# Each job is a table of its own, [jobs.NAME]; NAME is yours: small letters, digits, hyphens.
#   kind           backup, drill, verify, prune, expire, checkpoint
#   every          a period: 90s, 10m, 1h, 1d, 1w. It counts from 1970 in UTC: "1h" is each full hour.
#   cron           instead of every: minute, hour, day of month, month, day of week; in UTC, days of the week by name.
#   overdue_after  how long without a success until it is overdue; three periods if it is not given.
# A place ("to", "from") is a folder or a URL such as s3://bucket/folder; a relative one is seen from this file's folder.
# What was due while nothing ran is done once when it runs again.

# A program that is told when something goes wrong. It gets one JSON object on standard input; there is no shell in between.
# [hook]
# command = ["/usr/local/bin/notify-operator", "--from", "exchange"]
# timeout_s = 30
# on = ["failed", "overdue"]      # "done" may be added

# What has changed since the last backup (everything, where there is none).
[jobs.hourly-backup]
kind = "backup"
set = "incremental"
to = @PLACE@
every = "1h"
overdue_after = "3h"

# Everything.
[jobs.daily-backup]
kind = "backup"
set = "full"
to = @PLACE@
cron = "15 2 * * *"

# Restores the newest backup into a scratch folder, replays it and compares.
[jobs.weekly-drill]
kind = "drill"
from = @PLACE@
cron = "0 4 * * sun"

# Orders whose time is up expire now, not just before the next command.
[jobs.expiry]
kind = "expire"
every = "1m"

# So that opening the exchange replays little.
[jobs.checkpoint]
kind = "checkpoint"
every = "10m"

# Removes old backups, once the newest has been verified.
# [jobs.prune]
# kind = "prune"
# from = @PLACE@
# keep_last = 24
# keep_daily = 14
# keep_weekly = 8
# keep_monthly = 24
# cron = "30 5 * * *"
"""


def starter(place: str) -> str:
    """The file's text, with archives at `place`."""
    return _TEXT.replace("@PLACE@", json.dumps(place, ensure_ascii=False))
