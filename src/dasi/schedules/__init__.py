"""Scheduled payments: create, change, pause, and the retry policy."""

from dasi.schedules import schedule_store
from dasi.schedules.calendar import browse_schedules, calendar
from dasi.schedules.create import book
from dasi.schedules.find import find_schedule, list_schedules
from dasi.schedules.pause import resume_schedules, stop_schedules, stops
from dasi.schedules.reschedule import move, refuse_unless_ended, reschedule
from dasi.schedules.retry_policy import plan_retries, set_retry_plan
from dasi.schedules.revoke import revoke, revoke_of_removed_key
from dasi.schedules.schedule import BATCH_MAX, NewSchedule, Schedule, ScheduleStatus
from dasi.schedules.settings_store import DayTotal
from dasi.schedules.stats import lateness, preview_day, publish_lateness

__all__ = [
    "BATCH_MAX",
    "DayTotal",
    "NewSchedule",
    "Schedule",
    "ScheduleStatus",
    "book",
    "browse_schedules",
    "calendar",
    "find_schedule",
    "lateness",
    "list_schedules",
    "move",
    "plan_retries",
    "preview_day",
    "publish_lateness",
    "refuse_unless_ended",
    "reschedule",
    "resume_schedules",
    "revoke",
    "revoke_of_removed_key",
    "schedule_store",
    "set_retry_plan",
    "stop_schedules",
    "stops",
]
