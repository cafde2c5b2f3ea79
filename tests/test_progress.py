"""The bar and its plain stand-in; signals that wait for the end of an update."""

import os
import signal
import sys
import threading

import pytest

from astrounet_core import progress
from astrounet_core.progress import progress_bar, stop_signals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_sets_the_event_and_hands_over_to_the_usual_handler(number):
    before = signal.getsignal(number)
    with stop_signals() as stop:
        assert not stop.is_set() and signal.getsignal(number) is not before
        os.kill(os.getpid(), number)
        assert stop.is_set() and signal.getsignal(number) is before
    with stop_signals() as stop:
        assert not stop.is_set()
    assert signal.getsignal(number) is before


def test_threads_share_the_main_threads_event():
    seen = []

    def work():
        with stop_signals() as stop:
            seen.append(stop.wait(10))

    with stop_signals():
        thread = threading.Thread(target=work)
        thread.start()
        os.kill(os.getpid(), signal.SIGINT)
        thread.join()
    assert seen == [True]


def test_without_tqdm_lines_tell_loss_speed_and_time_left(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress_bar(1000, "network1 seed 0") as report:
        report({"update": 400})
        for update, now[0] in ((420, 10.0), (460, 30.0), (470, 35.0), (1000, 300.0)):
            report({"update": update, "loss": "0.5"})
    assert capsys.readouterr().out.splitlines() == [
        "network1 seed 0: 460 of 1000, loss 0.5, 2 a second, 4.5 min left",
        "network1 seed 0: 1000 of 1000, loss 0.5, 2 a second, 0.0 min left",
    ]


def test_the_bar_counts_speed_from_where_a_run_resumes(capsys):
    with progress_bar(1000, "x") as report:
        report({"update": 400})
        report({"update": 1000, "loss": "0.25"})
    shown = capsys.readouterr().err
    assert "1000/1000" in shown and "loss=0.25" in shown


def test_only_process_0_shows_anything(monkeypatch, capsys):
    monkeypatch.setenv("RANK", "1")
    with progress_bar(10, "x") as report:
        report({"update": 10})
    assert capsys.readouterr() == ("", "")
