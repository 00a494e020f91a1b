"""Request ids: the name that log lines, responses and attempts of one request share."""

from dasi.request_ids.middleware import RequestIds
from dasi.request_ids.request_id import begin_work, current_request_id

__all__ = ["RequestIds", "begin_work", "current_request_id"]
