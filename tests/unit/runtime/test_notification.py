"""What may be said on NOTIFY_SOCKET, and what anybody may send instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor.runtime.notification import NOTHING, Notification, read_notification


@pytest.mark.parametrize(
    ("message", "meaning"),
    [
        (b"READY=1", Notification(ready=True)),
        (b"READY=1\nSTATUS=up\n", Notification(ready=True, status="up")),
        (b"WATCHDOG=1", Notification(beat=True)),
        (b"WATCHDOG=trigger", Notification(trigger=True)),
        (b"STOPPING=1\nERRNO=2", Notification(stopping=True, errno=2)),
        (b"EXTEND_TIMEOUT_USEC=1500000", Notification(extend_s=1.5)),
        (b"STATUS=", Notification(status="")),
        (b"STATUS=a=b", Notification(status="a=b")),
        (b"STATUS=first\nSTATUS=second", Notification(status="first")),
        (b"STATUS=\xff\x1b[31m", Notification(status="\ufffd\x1b[31m")),
        (b"READY=1\0", Notification(ready=True)),
    ],
)
def test_a_message_is_read(message: bytes, meaning: Notification) -> None:
    assert read_notification(message) == meaning


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\n\n",
        b"READY",
        b"READY=0",
        b"READY=yes",
        b"ready=1",
        b" READY=1",
        b"READY=1\0STATUS=x",
        b"MAINPID=1",
        b"MAINPIDFDID=7",
        b"FDSTORE=1",
        b"BARRIER=1",
        b"RELOADING=1",
        b"EXTEND_TIMEOUT_USEC=-1",
        b"EXTEND_TIMEOUT_USEC=1e9",
        b"EXTEND_TIMEOUT_USEC= 5",
        b"EXTEND_TIMEOUT_USEC=\xd9\xa1",
        b"EXTEND_TIMEOUT_USEC=" + b"9" * 4000,
        b"EXTEND_TIMEOUT_USEC=18446744073709551616",
        b"ERRNO=0",
        b"ERRNO=-5",
        b"ERRNO=999999",
        bytes(range(256)) * 16,
    ],
)
def test_what_means_nothing_here_is_nothing(message: bytes) -> None:
    assert read_notification(message) == NOTHING


@given(st.binary(max_size=4096))
def test_no_message_is_an_error(message: bytes) -> None:
    read_notification(message)
