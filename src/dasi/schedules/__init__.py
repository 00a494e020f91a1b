"""Scheduled payments: create, change, pause, and the retry policy."""

from dasi.schedules import stats
from dasi.schedules.create import create_schedules
from dasi.schedules.find import browse_schedules, find_schedule, list_schedules
from dasi.schedules.pause import pause_schedules, pauses, resume_schedules
from dasi.schedules.reschedule import lock_ended_schedule, reopen, reschedule
from dasi.schedules.retry_policy import schedule_retries, set_retry_policy
from dasi.schedules.revoke import revoke, revoke_of_deleted_key, revoke_test_schedules
from dasi.schedules.schedule import BATCH_MAX, NewSchedule, Schedule, ScheduleStatus

__all__ = [
    "BATCH_MAX",
    "NewSchedule",
    "Schedule",
    "ScheduleStatus",
    "browse_schedules",
    "create_schedules",
    "find_schedule",
    "list_schedules",
    "lock_ended_schedule",
    "pause_schedules",
    "pauses",
    "reopen",
    "reschedule",
    "resume_schedules",
    "revoke",
    "revoke_of_deleted_key",
    "revoke_test_schedules",
    "schedule_retries",
    "set_retry_policy",
    "stats",
]
