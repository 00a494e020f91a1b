"""The schedules' room: charges booked for later, each run once and on time."""

from dasi.schedules.book import book
from dasi.schedules.browse import browse_schedules, calendar
from dasi.schedules.browse_store import CalendarDay
from dasi.schedules.change import move, reschedule
from dasi.schedules.check_card import give_back_checks
from dasi.schedules.find import SchedulePage, find_schedule, list_schedules
from dasi.schedules.preview import lateness, preview_day, publish_lateness
from dasi.schedules.retry import retry
from dasi.schedules.retry_plan import plan_retries, set_retry_plan
from dasi.schedules.revoke import revoke, revoke_of_removed_key
from dasi.schedules.run_due import Runner
from dasi.schedules.schedule import BATCH_MAX, Schedule, ScheduleStatus, ScheduleWish
from dasi.schedules.stop import resume_schedules, stop_schedules, stops
from dasi.schedules.switch_store import DayTotal, Lateness
from dasi.schedules.turn_clock import Turned, merchant_now, reset_clock, turn_clock

__all__ = [
    "BATCH_MAX",
    "CalendarDay",
    "DayTotal",
    "Lateness",
    "Runner",
    "Schedule",
    "SchedulePage",
    "ScheduleStatus",
    "ScheduleWish",
    "Turned",
    "book",
    "browse_schedules",
    "calendar",
    "find_schedule",
    "give_back_checks",
    "lateness",
    "list_schedules",
    "merchant_now",
    "move",
    "plan_retries",
    "preview_day",
    "publish_lateness",
    "reschedule",
    "reset_clock",
    "resume_schedules",
    "retry",
    "revoke",
    "revoke_of_removed_key",
    "set_retry_plan",
    "stop_schedules",
    "stops",
    "turn_clock",
]
