"""Scheduled payments: create, change, pause, and the retry policy."""

from dasi.schedules import schedule_store
from dasi.schedules.calendar import browse_schedules, calendar
from dasi.schedules.create import create_schedules
from dasi.schedules.find import find_schedule, list_schedules
from dasi.schedules.pause import pause_schedules, pauses, resume_schedules
from dasi.schedules.reschedule import refuse_unless_ended, reopen, reschedule
from dasi.schedules.retry_policy import schedule_retries, set_retry_policy
from dasi.schedules.revoke import revoke, revoke_of_deleted_key
from dasi.schedules.schedule import BATCH_MAX, NewSchedule, Schedule, ScheduleStatus
from dasi.schedules.settings_store import DayTotal
from dasi.schedules.stats import preview_day, publish_start_delay, start_delay

__all__ = [
    "BATCH_MAX",
    "DayTotal",
    "NewSchedule",
    "Schedule",
    "ScheduleStatus",
    "browse_schedules",
    "calendar",
    "create_schedules",
    "find_schedule",
    "list_schedules",
    "pause_schedules",
    "pauses",
    "preview_day",
    "publish_start_delay",
    "refuse_unless_ended",
    "reopen",
    "reschedule",
    "resume_schedules",
    "revoke",
    "revoke_of_deleted_key",
    "schedule_retries",
    "schedule_store",
    "set_retry_policy",
    "start_delay",
]
